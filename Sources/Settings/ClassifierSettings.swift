/// The classifier, its worker processes and the decode limits.
package struct ClassifierSettings: Sendable {
    /// 0 stands for one worker per core.
    package var workers: Int
    /// Empty: `portcullis-worker` beside the running program.
    package var workerExecutable: String
    package var workerMemoryMegabytes: Int
    package var modelManifest: String
    package var runtimeLibrary: String
    /// nil: the model's own.
    package var threshold: Double?
    package var usesScreen: Bool
    /// nil: derived from the threshold.
    package var screenMargin: Double?
    package var deadlineMilliseconds: Int
    package var queueWaitMilliseconds: Int
    package var queueLength: Int
    package var maximumImageBytes: Int
    package var maximumFramePixels: Int
    package var maximumStreamedPixels: Int
    package var maximumTotalPixels: Int

    init(from source: SettingsSource) throws(SettingsError) {
        workers = try source.read(Self.workersSetting)
        workerExecutable = try source.read(Self.workerExecutableSetting)
        workerMemoryMegabytes = try source.read(Self.workerMemorySetting)
        modelManifest = try source.read(Self.modelSetting)
        runtimeLibrary = try source.read(Self.runtimeSetting)
        threshold = try source.read(Self.thresholdSetting)
        usesScreen = try source.read(Self.screenSetting)
        screenMargin = try source.read(Self.screenMarginSetting)
        if let margin = screenMargin, margin > (threshold ?? 1) / 2 {
            throw SettingsError(
                "\(Self.screenMarginSetting.name): \(margin) is more than half the threshold, \(threshold ?? 1); "
                    + "the default is \(Self.screenMarginSetting.defaultText)")
        }
        deadlineMilliseconds = try source.read(Self.deadlineSetting)
        queueWaitMilliseconds = try source.read(Self.queueWaitSetting)
        queueLength = try source.read(Self.queueLengthSetting)
        maximumImageBytes = try source.read(Self.imageBytesSetting)
        maximumFramePixels = try source.read(Self.framePixelsSetting)
        maximumStreamedPixels = try source.read(Self.streamedPixelsSetting)
        maximumTotalPixels = try source.read(Self.totalPixelsSetting)
    }

    static let workersSetting = Setting.integer(
        "PORTCULLIS_WORKERS", 1...256, default: 0, shownAs: "one per core", "Worker processes.")
    static let workerExecutableSetting = Setting.path(
        "PORTCULLIS_WORKER_EXECUTABLE", default: "", shownAs: "portcullis-worker beside the program",
        "The program that decodes and classifies.")
    static let workerMemorySetting = Setting.integer(
        "PORTCULLIS_WORKER_MEMORY_MEGABYTES", 64...65_536, default: 512,
        "Memory that a worker may take beyond what it has after its start.")
    static let modelSetting = Setting.path(
        "PORTCULLIS_MODEL", default: "models/open-nsfw.json", "Manifest of the model.")
    static let runtimeSetting = Setting.path(
        "PORTCULLIS_ONNXRUNTIME", default: "models/runtime/libonnxruntime.so", "ONNX Runtime's shared library.")
    static let thresholdSetting = Setting<Double?>.fraction(
        "PORTCULLIS_THRESHOLD", shownAs: "the model's own", "Scores at or above this are NSFW.")
    static let screenSetting = Setting.flag(
        "PORTCULLIS_SCREEN", default: true,
        "Whether a cheaper pass may clear images that are plainly clean; every other one is scored by the exact pass.")
    static let screenMarginSetting = Setting<Double?>.fraction(
        "PORTCULLIS_SCREEN_MARGIN", shownAs: "0.7 below the threshold, which is 0.1 under 0.8",
        "The screen clears what it scores below this; at most half the threshold.")
    static let deadlineSetting = Setting.integer(
        "PORTCULLIS_DEADLINE_MILLISECONDS", 1...600_000, default: 10_000,
        "Time for one worker to decode and score one file.")
    static let queueWaitSetting = Setting.integer(
        "PORTCULLIS_QUEUE_WAIT_MILLISECONDS", 1...600_000, default: 5_000,
        "How long an upload waits for a worker before the classifier counts as unavailable.")
    static let queueLengthSetting = Setting.integer(
        "PORTCULLIS_QUEUE_LENGTH", 1...100_000, default: 256, "How many uploads may wait for a worker.")
    static let imageBytesSetting = Setting.integer(
        "PORTCULLIS_MAX_IMAGE_BYTES", 1_024...1_073_741_824, default: 536_870_912,
        "Largest image file that is decoded; a larger one is unscannable.")
    static let framePixelsSetting = Setting.integer(
        "PORTCULLIS_MAX_FRAME_PIXELS", 1...1_000_000_000, default: 50_000_000,
        "Most pixels of one frame, where it has to be held whole.")
    static let streamedPixelsSetting = Setting.integer(
        "PORTCULLIS_MAX_STREAMED_PIXELS", 1...1_000_000_000, default: 250_000_000,
        "Most pixels of a JPEG, and of a PNG that is neither interlaced nor animated, which pass through row by row.")
    static let totalPixelsSetting = Setting.integer(
        "PORTCULLIS_MAX_TOTAL_PIXELS", 1...10_000_000_000, default: 500_000_000, "Most pixels of all frames together.")

    static let catalog = [
        workersSetting.entry, workerExecutableSetting.entry, workerMemorySetting.entry, modelSetting.entry,
        runtimeSetting.entry, thresholdSetting.entry, screenSetting.entry, screenMarginSetting.entry,
        deadlineSetting.entry, queueWaitSetting.entry, queueLengthSetting.entry, imageBytesSetting.entry,
        framePixelsSetting.entry, streamedPixelsSetting.entry, totalPixelsSetting.entry,
    ]
}
