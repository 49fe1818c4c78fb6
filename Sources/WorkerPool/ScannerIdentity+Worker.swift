import Crypto
import Domain
import WorkerProtocol

extension ScannerIdentity {
    init(_ worker: WorkerDescription, _ configuration: WorkerPoolConfiguration) {
        let limits = configuration.limitsForWorkers
        let screen = configuration.screen == nil ? nil : worker.screen.sha256
        var model = worker.model
        model.screenSHA256 = screen
        // Whatever else comes to change scores is to be added here.
        let parts = [
            "model \(worker.model.name) \(worker.model.sha256) \(worker.model.preprocessing)",
            "program \(worker.program.rawValue)",
            "limits \(limits.maximumFileBytes) \(limits.maximumPixelsPerFrame) \(limits.maximumPixelsTotal)",
            "\(limits.maximumPixelsStreamed) \(limits.maximumFrames) \(limits.maximumScans) \(limits.maximumWorkingBytes)",
            "memory \(configuration.memoryMegabytes)",
            "screen \(screen ?? "none") \(configuration.screen?.description ?? "off")",
        ]
        self.init(model: model, fingerprint: SHA256.hash(of: parts.joined(separator: "\n")))
    }
}
