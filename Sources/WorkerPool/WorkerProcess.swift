import Glibc
import SystemCalls
import WorkerProtocol

/// A running worker and what connects the service with it; closed with the last reference.
final class WorkerProcess {
    let child: ChildProcess
    let channel: Channel
    let startedAt: Double
    private let standardError: OwnedDescriptor
    private var lines = LineSplitter()
    /// Nil once the worker has closed it: what is closed must not be polled again.
    private(set) var standardErrorDescriptor: CInt?

    init(_ configuration: WorkerPoolConfiguration, now: Double) throws(SystemCallError) {
        let pair: ChannelPair
        do { pair = try ChannelPair() } catch { throw SystemCallError("socketpair", error.number) }
        let pipe = try Pipe()
        let arguments = WorkerArguments(
            manifestPath: configuration.manifestPath, runtimeLibraryPath: configuration.runtimeLibraryPath,
            usesScreen: configuration.screen != nil, parent: getpid(),
            memoryHeadroomBytes: configuration.memoryMegabytes << 20 + configuration.limits.maximumFileBytes,
            processorSeconds: configuration.processorSeconds, user: configuration.user, group: configuration.group)
        child = try ChildProcess(
            executable: configuration.workerExecutable, arguments: arguments.commandLine,
            environment: Self.environment, standardError: pipe.writing.rawValue, channel: pair.worker.descriptor,
            channelNumber: Channel.workerDescriptor)
        channel = pair.keepingService()
        standardErrorDescriptor = pipe.reading.rawValue
        standardError = pipe.keepingReading()
        startedAt = now
    }

    /// Nothing of the service's environment but what its own libraries need to be found, and the sanitizer's settings.
    private static let environment: [String] = {
        // A backtrace would need another process, which the sandbox does not let run.
        let fixed = ["SWIFT_BACKTRACE=enable=no", "ORT_DISABLE_TELEMETRY=1", "LC_ALL=C"]
        return fixed
            + ["LD_LIBRARY_PATH", "ASAN_OPTIONS"].compactMap { name in
                Environment.value(of: name).map { "\(name)=\($0)" }
            }
    }()

    /// What a look at the worker's standard error gives.
    enum Output {
        /// Nothing is there now.
        case nothing
        case lines([String])
        /// More than a worker may write.
        case flood
    }

    func readStandardError() -> Output {
        guard standardErrorDescriptor != nil else { return .nothing }
        // A read that fails gives no more than one at the end does.
        let read: [UInt8]?
        do { read = try standardError.readAvailable(4096) } catch { read = [] }
        guard let bytes = read else { return .nothing }
        guard bytes.isEmpty else { return lines.append(bytes).map(Output.lines) ?? .flood }
        standardErrorDescriptor = nil
        return .lines(lines.finish().map { [$0] } ?? [])
    }

    /// What is left when the process has ended.
    func drainStandardError() -> [String] {
        var drained: [String] = []
        while case .lines(let some) = readStandardError() { drained += some }
        return drained
    }

    func allowMoreStandardError() { lines.allowMore() }
}

extension WorkerProtocolError {
    /// The error number of a failed call, 0 for what is not one.
    fileprivate var number: CInt {
        if case .system(_, let number) = self { number } else { 0 }
    }
}
