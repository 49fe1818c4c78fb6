import Database
import Domain
import Gate
import Glibc
import Models
import Settings
import Telemetry
import WorkerPool
import WorkerProtocol

/// The pool of workers as the settings describe it; `serve`, `classify` and `model` all use it.
struct ClassifierSetup: Sendable {
    let pool: ScanPool
    /// Scores at or above it are NSFW: the setting's, else the model's own.
    let threshold: @Sendable () -> Double
    /// What is wrong with the model's manifest; the classifier is unavailable then.
    let manifestProblem: String?

    init(_ settings: ClassifierSettings, log: Logger, metrics: MetricsRegistry) {
        var manifest: ModelManifest?
        do {
            manifest = try ModelManifest(contentsOf: settings.modelManifest)
            manifestProblem = nil
        } catch { manifestProblem = "\(error)" }
        let source = ThresholdSource(settings, manifest)
        threshold = { source.current() }
        if let margin = settings.screenMargin, let manifest, margin > threshold() * ScreenMargin.maximumShare {
            log.warning(
                "screen_margin_lowered",
                [
                    "key": "PORTCULLIS_SCREEN_MARGIN", "model": .string(manifest.name), "given": .number(margin),
                    "used": .number(ScreenMargin(margin).value(forThreshold: threshold())),
                ])
        }
        let cores = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        let executable = settings.workerExecutable.isEmpty ? Self.siblingWorker() : settings.workerExecutable
        pool = ScanPool(
            configuration: WorkerPoolConfiguration(
                workerExecutable: executable, manifestPath: settings.modelManifest,
                runtimeLibraryPath: settings.runtimeLibrary,
                workers: settings.workers == 0 ? cores : settings.workers, queueLength: settings.queueLength,
                queueWaitMilliseconds: settings.queueWaitMilliseconds,
                deadlineMilliseconds: settings.deadlineMilliseconds,
                memoryMegabytes: settings.workerMemoryMegabytes,
                screen: settings.usesScreen ? ScreenMargin(settings.screenMargin) : nil,
                limits: ScanLimits(
                    maximumFileBytes: settings.maximumImageBytes, maximumPixelsPerFrame: settings.maximumFramePixels,
                    maximumPixelsStreamed: settings.maximumStreamedPixels,
                    maximumPixelsTotal: settings.maximumTotalPixels)),
            log: log, metrics: metrics)
    }

    /// The gate that asks the pool, and what earlier scans found before.
    func gate(
        _ database: any DatabaseDriver, _ settings: StorageSettings, _ time: any TimeSource, _ metrics: MetricsRegistry
    ) -> UploadGate {
        let cache = VerdictCache(
            database: database, pool: pool, retentionDays: settings.verdictRetentionDays, time: time, metrics: metrics)
        return UploadGate(
            database: database, cache: cache, threshold: threshold, time: time,
            backlog: ScanBacklog(
                maximumWaitMilliseconds: pool.queueWaitMilliseconds, maximumLine: pool.queueLength))
    }

    func sweep(
        _ database: any DatabaseDriver, _ settings: StorageSettings, _ time: any TimeSource
    ) -> VerdictSweep {
        VerdictSweep(
            database: database, pool: pool, retentionDays: settings.verdictRetentionDays,
            maximumCount: settings.maximumVerdicts, time: time)
    }

    /// `portcullis-worker` beside the running program.
    private static func siblingWorker() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        return directory + "/portcullis-worker"
    }
}
