import Telemetry

/// Why a worker was replaced; the raw values are labels of metrics.
enum RestartCause: String, CaseIterable {
    /// It died while it was ready or scanning, by itself or by somebody else's hand.
    case crash
    /// It overran the deadline for one file and was killed.
    case deadline
    /// It sent what it must not, and was killed.
    case protocolViolation = "protocol"
    /// It reported that its model no longer works.
    case inference
    /// It did not become ready.
    case start
    /// It had used its processor time and ended in order.
    case retired
}

/// What the pool tells about itself in numbers.
struct PoolMetrics: Sendable {
    private let queueLength: Gauge
    private let queueWait: Histogram
    private let scanSeconds: Histogram
    private let workers: Gauge
    private let restarts: Counter
    private let scans: Counter
    private let unavailable: Counter

    init(_ registry: MetricsRegistry) {
        queueLength = registry.gauge("portcullis_scan_queue_length", help: "Scans that wait for a worker.")
        queueWait = registry.histogram(
            "portcullis_scan_queue_wait_seconds", help: "Time that a scan waited for a worker.",
            buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        scanSeconds = registry.histogram(
            "portcullis_scan_seconds", help: "Time from handing a file to a worker to its answer.",
            buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20])
        workers = registry.gauge("portcullis_workers", help: "Worker processes by state.", labels: ["state"])
        restarts = registry.counter(
            "portcullis_worker_restarts_total", help: "Workers that were replaced, by cause.", labels: ["cause"])
        scans = registry.counter("portcullis_scans_total", help: "Scans by outcome.", labels: ["outcome"])
        unavailable = registry.counter(
            "portcullis_scan_unavailable_total", help: "Scans that found the classifier unavailable, by reason.",
            labels: ["reason"])
        for cause in RestartCause.allCases { restarts.increment(by: 0, cause.rawValue) }
        for reason in UnavailableReason.allCases { unavailable.increment(by: 0, reason.rawValue) }
    }

    func waited(seconds: Double) { queueWait.observe(seconds) }
    func answered(seconds: Double) { scanSeconds.observe(seconds) }
    func restarted(_ cause: RestartCause) { restarts.increment(cause.rawValue) }

    func show(_ status: WorkerPoolStatus) {
        queueLength.set(Double(status.queued))
        workers.set(Double(status.configured), "configured")
        workers.set(Double(status.live), "live")
        workers.set(Double(status.busy), "busy")
    }

    func count(_ outcome: ScanOutcome) {
        switch outcome {
        case .scored: scans.increment("scored")
        case .unscannable, .gaveUp: scans.increment("unscannable")
        case .unsupported: scans.increment("unsupported")
        case .unavailable(let reason, _):
            scans.increment("unavailable")
            unavailable.increment(reason.rawValue)
        }
    }
}
