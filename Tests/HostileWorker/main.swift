import CRawSystemCall
import Domain
import Glibc
import Sandbox
import SystemCalls
import WorkerProtocol

// A worker as a file's exploit would make it: it enters the real sandbox, then does what the file says. The name of
// the "manifest" says how it starts.

let arguments = try WorkerArguments(parsing: Array(CommandLine.arguments.dropFirst()))
let channel = Channel(owning: Channel.workerDescriptor)

switch arguments.manifestPath {
case "fails": try channel.send(StartReport.failed(.noModel, "there is no model").encoded())
case "crashes": fatalError("a crash at the start")
case "hangs": while true {}
case "lies": try channel.send([UInt8](repeating: 0x41, count: 1024))
case "unconfined": try channel.send(StartReport.ready(description(sandbox: [])).encoded())
default:
    // A manifest of this name: the kernel has no Landlock.
    if arguments.manifestPath == "without-landlock", craw_hide_landlock() != 0 { fatalError("Landlock is still there") }
    try MemoryDeath.report(asExitStatus: WorkerMemory.exitStatus)
    let report = try Confinement.enter(
        SandboxConfiguration(
            memoryHeadroomBytes: UInt64(arguments.memoryHeadroomBytes),
            processorSeconds: UInt64(arguments.processorSeconds), user: arguments.user, group: arguments.group,
            channel: Channel.workerDescriptor, parent: arguments.parent))
    var sandbox = SandboxFeatures.all
    if report.landlockVersion == nil { sandbox.remove(.fileSystemDenied) }
    if !report.isUnprivileged { sandbox.remove(.unprivileged) }
    if report.memoryLimitBytes == nil { sandbox.remove(.memoryLimit) }
    try channel.send(StartReport.ready(description(sandbox: sandbox)).encoded())
    try serve(channel, parent: arguments.parent)
}

func description(sandbox: SandboxFeatures) -> WorkerDescription {
    WorkerDescription(
        model: ModelIdentity(name: "none", sha256: String(repeating: "0", count: 64), preprocessing: "none"),
        selfTestScore: 0.5, sandbox: sandbox, decodable: MediaType.decodable,
        program: ContentHash(rawValue: String(repeating: "0", count: 64))!)
}
