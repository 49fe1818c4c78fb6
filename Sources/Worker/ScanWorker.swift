import Classifier
import Domain
import ImageDecoding
import Models
import Sandbox
import SystemCalls
import WorkerProtocol

/// A classifier in its sandbox.
struct ScanWorker {
    let description: WorkerDescription
    private let classifier: ImageClassifier
    private let processorSeconds: Double
    private let memoryHeadroomBytes: Int

    /// Share of the processor time after which a worker retires, so that the limit never ends a scan.
    private static let processorShare = 0.75
    /// Share of the memory that must still be free after a scan: a worker that has lost more to leaks or fragments would
    /// refuse pictures that a fresh one decodes.
    private static let memoryShare = 0.875

    /// Loads and tests the model, then enters the sandbox: from here on the process can neither open a file nor start
    /// anything, and only now may it read what strangers sent.
    init(_ arguments: WorkerArguments) throws(StartError) {
        let manifest: ModelManifest
        do { manifest = try ModelManifest(contentsOf: arguments.manifestPath) } catch { throw StartError(error) }
        guard FileAccess.canRead(manifest.modelPath) else {
            throw StartError(.noModel, "\(manifest.modelPath): cannot be read; `make setup` fetches the model")
        }
        let selfTestScore: Double
        do {
            classifier = try ImageClassifier(
                manifest: manifest, runtimeLibraryPath: arguments.runtimeLibraryPath,
                usesScreen: arguments.usesScreen)
            selfTestScore = try classifier.selfTest()
        } catch { throw StartError(error) }
        processorSeconds = Double(arguments.processorSeconds)
        memoryHeadroomBytes = arguments.memoryHeadroomBytes
        // What is looked up and installed here, the sandbox does not allow.
        let program = try ProgramIdentity.current()
        do { try MemoryDeath.report(asExitStatus: WorkerMemory.exitStatus) } catch {
            throw StartError(.sandboxFailed, "signals cannot be handled: \(error)")
        }
        let report: SandboxReport
        do {
            report = try Confinement.enter(
                SandboxConfiguration(
                    memoryHeadroomBytes: UInt64(arguments.memoryHeadroomBytes),
                    processorSeconds: UInt64(arguments.processorSeconds), user: arguments.user,
                    group: arguments.group, channel: Channel.workerDescriptor, parent: arguments.parent))
        } catch { throw StartError(error) }
        description = WorkerDescription(
            model: manifest.identity, selfTestScore: selfTestScore, sandbox: SandboxFeatures(report),
            decodable: MediaType.decodable, program: program, screen: ScreenReport(classifier.screenStatus))
    }

    /// Answers one request after the other; returns when this worker retires, throws `closed` when the service is gone.
    func serve(_ channel: borrowing Channel) throws(WorkerProtocolError) {
        while true {
            let received = try channel.receive()
            let startedAt = Clocks.monotonicSeconds()
            guard let descriptor = received.descriptor else { throw .malformed("a request without a file") }
            let file = OwnedDescriptor(owning: descriptor)
            let request = try ScanRequest(decoding: received.bytes)
            MemoryDeath.forgetEarlierFailures()
            let result = scan(file, request)
            let isRetiring = isWornOut
            let elapsedMicroseconds = UInt64((Clocks.monotonicSeconds() - startedAt) * 1e6)
            let reply = ScanReply(
                id: request.id, result: result, elapsedMicroseconds: elapsedMicroseconds, isRetiring: isRetiring)
            try channel.send(reply.encoded())
            if isRetiring { return }
        }
    }

    private var isWornOut: Bool {
        let needed = Int(Double(memoryHeadroomBytes) * Self.memoryShare)
        return Clocks.processorSeconds() > processorSeconds * Self.processorShare
            || !AddressSpace.hasRoom(forBytes: needed)
    }

    private func scan(_ file: borrowing OwnedDescriptor, _ request: ScanRequest) -> ScanReply.Result {
        do throws(MappingError) {
            let mapped = try MappedFile(file, maximumBytes: request.limits.maximumFileBytes)
            return mapped.withBytes { bytes in score(bytes, request) }
        } catch {
            switch error {
            case .empty: return .corrupt("the file is empty")
            case .tooLarge:
                let megabytes = request.limits.maximumFileBytes >> 20
                return .limitExceeded("the image file is too large; at most \(megabytes) MiB can be checked")
            case .system(let error): return .failed("\(error)")
            }
        }
    }

    private func score(_ bytes: RawSpan, _ request: ScanRequest) -> ScanReply.Result {
        do throws(ScanError) {
            return .scored(
                try classifier.classify(
                    bytes, type: request.mediaType, limits: DecodeLimits(request.limits),
                    threshold: request.threshold, mode: request.mode))
        } catch {
            switch error {
            case .unscannable(let explanation): return .corrupt(explanation)
            case .unsupported(let explanation): return .unsupported(explanation)
            case .classifier(let error): return blame(for: error)
            }
        }
    }

    /// Tells a file that the classifier cannot stand (it leaves no memory, say) from a classifier that is broken: the
    /// former is no outage, or it would be a way past the gate.
    private func blame(for error: ClassifierError) -> ScanReply.Result {
        do throws(ClassifierError) {
            _ = try classifier.selfTest()
            return .limitExceeded("scoring the image needs more than a worker has")
        } catch let second {
            return .failed("\(error); then the self-test: \(second)")
        }
    }
}

extension DecodeLimits {
    fileprivate init(_ limits: ScanLimits) {
        self.init(
            maximumPixelsPerFrame: limits.maximumPixelsPerFrame,
            maximumPixelsStreamed: limits.maximumPixelsStreamed, maximumPixelsTotal: limits.maximumPixelsTotal,
            maximumFrames: limits.maximumFrames, maximumScans: limits.maximumScans,
            maximumWorkingBytes: limits.maximumWorkingBytes)
    }
}

extension ScreenReport {
    fileprivate init(_ status: ScreenStatus) {
        self =
            switch status {
            case .off: .off
            case .ready(let sha256, let score): .ready(sha256: sha256, selfTestScore: score)
            case .unusable(let text): .unusable(text)
            }
    }
}

extension SandboxFeatures {
    fileprivate init(_ report: SandboxReport) {
        self = .all
        if report.landlockVersion == nil { remove(.fileSystemDenied) }
        if !report.isUnprivileged { remove(.unprivileged) }
        if report.memoryLimitBytes == nil { remove(.memoryLimit) }
    }
}
