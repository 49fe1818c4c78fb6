import Crypto
import Domain
import Glibc
import Settings
import Telemetry
import WorkerPool
import WorkerProtocol

/// `portcullis model`: starts one worker and says what it runs.
enum ModelCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, options: ["drift"])
        try arguments.noOperands()
        var settings = try Configuration.load().classifier
        if let directory = arguments["drift"] { return try DriftCommand.run(directory, settings) }
        settings.workers = 1
        let setup = ClassifierSetup(settings, log: Logger(minimumLevel: .error), metrics: MetricsRegistry())
        if let problem = setup.manifestProblem { throw ConfigurationError("PORTCULLIS_MODEL: \(problem)") }
        setup.pool.start()
        let (threshold, runtime) = (setup.threshold(), RuntimeLibrary(settings.runtimeLibrary))
        let status = try runBlocking {
            let status = await setup.pool.statusOnceStarted()
            await setup.pool.shutDown()
            return status
        }
        var report: JSONObject = [
            "manifest": .string(settings.modelManifest), "runtime": .string(runtime.path),
            "runtime_sha256": JSONValue(runtime.sha256), "threshold": .number(threshold),
            "available": .bool(status.live > 0),
        ]
        if let model = status.model {
            report["model"] = .string(model.name)
            report["model_sha256"] = .string(model.sha256)
            report["preprocessing"] = .string(model.preprocessing)
        }
        report["self_test_score"] = JSONValue(status.selfTestScore)
        switch status.screen {
        case .off: report["screen"] = "off"
        case .ready(let sha256, let score):
            report["screen"] = "ready"
            report["screen_sha256"] = .string(sha256)
            report["screen_self_test_score"] = .number(score)
            report["screen_margin"] = .number(
                ScreenMargin(settings.screenMargin).value(forThreshold: threshold))
        case .unusable(let text):
            report["screen"] = "unusable"
            report["screen_error"] = .string(text)
        }
        if status.live == 0 { report["unavailable_reason"] = JSONValue(status.unavailableReason?.rawValue) }
        report["sandbox"] = JSONValue(status.sandbox.map { "\($0)" })
        Console.print(JSONValue.object(report).encoded)
        return status.live > 0 ? 0 : 1
    }
}

/// ONNX Runtime's library as it is on the disk: the file that the setting's links lead to, and its hash.
private struct RuntimeLibrary: Sendable {
    let path: String
    let sha256: String?

    init(_ setting: String) {
        // The resolved path is copied and freed here.
        let resolved = unsafe realpath(setting, nil)
        defer { unsafe free(resolved) }
        path = unsafe resolved.map { unsafe String(cString: $0) } ?? setting
        sha256 = (try? Configuration.contents(of: path)).map { SHA256.hash(of: $0).rawValue }
    }
}

extension ScanPool {
    /// The status once a worker is ready or the pool knows why none will be; after 30 s, whatever it is then.
    func statusOnceStarted() async -> WorkerPoolStatus {
        for _ in 0..<600 {
            let status = status
            if status.live > 0 || status.unavailableReason != nil { return status }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return status
    }
}
