import Glibc
import SystemCalls
import WorkerProtocol

// The worker: loads the model, gives up everything else, then scores files until the service is gone. The service
// starts it with one end of a channel as descriptor 3; it is of no use by hand.

let arguments: WorkerArguments
do {
    arguments = try WorkerArguments(parsing: Array(CommandLine.arguments.dropFirst()))
} catch {
    StandardError.write("portcullis-worker is started by portcullis: \(error)\n")
    exit(StartFailure.invalidArguments.exitStatus)
}

TerminationSignals.ignore()
let channel = Channel(owning: Channel.workerDescriptor)
do {
    let worker = try ScanWorker(arguments)
    try channel.send(StartReport.ready(worker.description).encoded())
    try worker.serve(channel)
} catch let error as StartError {
    // A service that is gone needs no report.
    try? channel.send(StartReport.failed(error.failure, error.text).encoded())
    exit(error.failure.exitStatus)
} catch WorkerProtocolError.closed {
    exit(EXIT_SUCCESS)
} catch {
    StandardError.write("portcullis-worker: \(error)\n")
    exit(EXIT_FAILURE)
}
