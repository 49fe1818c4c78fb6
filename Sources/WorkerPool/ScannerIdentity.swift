import Crypto
package import Domain
import WorkerProtocol

/// What a verdict depends on beside the file: as long as it is the same, so is the verdict.
package struct ScannerIdentity: Hashable, Sendable {
    package let model: ModelIdentity
    /// Of everything that may change a score or a refusal: the models and the margin between them, the preprocessing, the program that decodes and
    /// scores with all of its libraries, and the limits. Never of a policy.
    package let fingerprint: ContentHash

    package init(model: ModelIdentity, fingerprint: ContentHash) {
        self.model = model
        self.fingerprint = fingerprint
    }

    init(_ worker: WorkerDescription, _ configuration: WorkerPoolConfiguration) {
        let limits = configuration.limitsForWorkers
        // Whatever else comes to change scores is to be added here.
        let screen = if case .ready(let sha256, _) = worker.screen { sha256 } else { "none" }
        let parts = [
            "model \(worker.model.name) \(worker.model.sha256) \(worker.model.preprocessing)",
            "program \(worker.program.rawValue)",
            "limits \(limits.maximumFileBytes) \(limits.maximumPixelsPerFrame) \(limits.maximumPixelsTotal)",
            "\(limits.maximumPixelsStreamed) \(limits.maximumFrames) \(limits.maximumScans) \(limits.maximumWorkingBytes)",
            "memory \(configuration.memoryMegabytes)",
            "screen \(screen) \(configuration.screen?.description ?? "off")",
        ]
        self.init(model: worker.model, fingerprint: SHA256.hash(of: parts.joined(separator: "\n")))
    }
}

/// What became of a scan, and by what.
package struct ScanReport: Sendable {
    package let outcome: ScanOutcome
    /// nil where no worker answered.
    package let scanner: ScannerIdentity?

    package init(outcome: ScanOutcome, scanner: ScannerIdentity? = nil) {
        self.outcome = outcome
        self.scanner = scanner
    }
}
