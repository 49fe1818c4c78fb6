internal import Domain
package import WorkerProtocol

/// What a pool runs and how far it goes.
package struct WorkerPoolConfiguration: Sendable {
    /// The `portcullis-worker` program.
    package var workerExecutable: String
    /// The model's manifest, and ONNX Runtime's shared library.
    package var manifestPath: String
    package var runtimeLibraryPath: String
    /// Worker processes; one per core serves best.
    package var workers: Int
    /// Scans that may wait. Beyond it a scan is unavailable at once; an upload takes the place of a waiting backlog scan.
    package var queueLength: Int
    /// How long a scan may wait for a worker.
    package var queueWaitMilliseconds: Int
    /// How long a worker may take for one file; then it is killed.
    package var deadlineMilliseconds: Int
    /// How long a worker may take to load and test the model; then it is killed.
    package var startMilliseconds: Int
    /// Memory of one worker for decoding, beside the model and the mapped file.
    package var memoryMegabytes: Int
    /// Processor time of one worker. It retires, between two files, some time before.
    package var processorSeconds: Int
    /// nil: every picture is scored exactly.
    package var screen: ScreenMargin?
    package var limits: ScanLimits
    /// User and group that workers of a service run by root become; 65534 is nobody.
    package var user: UInt32
    package var group: UInt32

    package init(
        workerExecutable: String, manifestPath: String, runtimeLibraryPath: String, workers: Int,
        queueLength: Int = 256, queueWaitMilliseconds: Int = 10_000, deadlineMilliseconds: Int = 20_000,
        startMilliseconds: Int = 30_000, memoryMegabytes: Int = 512, processorSeconds: Int = 3_600,
        screen: ScreenMargin? = nil, limits: ScanLimits = ScanLimits(), user: UInt32 = 65_534, group: UInt32 = 65_534
    ) {
        self.workerExecutable = workerExecutable
        self.manifestPath = manifestPath
        self.runtimeLibraryPath = runtimeLibraryPath
        self.workers = workers
        self.queueLength = queueLength
        self.queueWaitMilliseconds = queueWaitMilliseconds
        self.deadlineMilliseconds = deadlineMilliseconds
        self.startMilliseconds = startMilliseconds
        self.memoryMegabytes = memoryMegabytes
        self.processorSeconds = processorSeconds
        self.screen = screen
        self.limits = limits
        self.user = user
        self.group = group
    }

    func mode(of job: ScanJob) -> ScanMode {
        if let mode = job.mode { return mode }
        guard let margin = screen?.value(forThreshold: job.threshold), margin > 0 else { return .exact }
        return .screened(margin: margin)
    }

    /// The limits as a worker is told them: the decoder keeps to seven eighths of the worker's memory, so that it refuses
    /// what would otherwise break the worker.
    var limitsForWorkers: ScanLimits {
        var limits = limits
        limits.maximumWorkingBytes = min(limits.maximumWorkingBytes, memoryMegabytes << 20 / 8 * 7)
        return limits
    }
}
