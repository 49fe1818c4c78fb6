package import Domain

/// What became of a scan.
package enum ScanOutcome: Sendable, Equatable {
    /// `elapsedMilliseconds` is decoding and scoring, without waiting.
    case scored(ScanScore, elapsedMilliseconds: Double)
    /// The file is to blame: it cannot be decoded, or breaks a limit. The text may be shown to the client.
    case unscannable(String)
    /// It broke two workers, or outran its time on them. The file is likely to blame, so it does not pass; but a busy
    /// machine can look the same, so this is never a verdict, and never to be cached. The text may be shown to the
    /// client.
    case gaveUp(GiveUpCause, String)
    /// There is no decoder for its type. The text may be shown to the client.
    case unsupported(String)
    /// The classifier is to blame. Never a verdict, and never to be cached.
    case unavailable(UnavailableReason, retryAfterSeconds: Int)
}

/// What a file did to both of its workers; the raw values are labels of metrics.
package enum GiveUpCause: String, CaseIterable, Sendable {
    /// It broke them.
    case crash
    /// It overran its time.
    case deadline
    /// It used up their memory, or the machine's.
    case memory
    /// One thing to the one, another to the other.
    case mixed
}

/// Why the classifier is unavailable; the raw values are labels of metrics and part of the status.
package enum UnavailableReason: String, CaseIterable, Sendable {
    case noModel = "no_model"
    case noRuntime = "no_runtime"
    /// The model is there and is not the one that its manifest describes, or cannot be loaded.
    case invalidModel = "invalid_model"
    /// Workers die or cannot be started.
    case noWorker = "no_worker"
    case queueFull = "queue_full"
    case queueTimeout = "queue_timeout"
    /// The file waited too long, or found no place, because other files of its organization broke workers, kept them busy
    /// or fill the queue. Not the classifier's trouble, but the organization's: it is no reason to let anything pass
    /// unscanned.
    case heldBack = "held_back"
    /// The operator took the classifier out of service.
    case outOfService = "out_of_service"
    /// A worker reported that the model failed on this file.
    case inferenceFailed = "inference_failed"
    /// The file could not be handed over: the service is out of descriptors, for one.
    case handOverFailed = "hand_over_failed"
    case shuttingDown = "shutting_down"
    /// The waiting task was cancelled.
    case cancelled
}
