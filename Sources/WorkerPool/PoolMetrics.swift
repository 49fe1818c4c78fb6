import Domain
import Telemetry

/// Why a worker was replaced; the raw values are labels of metrics.
enum RestartCause: String, CaseIterable {
    /// It died of itself while it was ready or scanning.
    case crash
    /// It died for want of memory, or was killed by another hand: the kernel's where memory is short, or somebody's.
    case memory
    /// It overran the deadline for one file and was killed.
    case deadline
    /// It sent what it must not, and was killed.
    case protocolViolation = "protocol"
    /// It reported that its model no longer works.
    case inference
    /// It did not become ready.
    case start
    /// It was taken off a file that took long, because an organization held all workers and others waited.
    case preempted
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
    private let passes: Counter
    private let unavailable: Counter
    private let failures: Counter
    private let gaveUp: Counter

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
        passes = registry.counter(
            "portcullis_scans_by_pass_total",
            help: "Files with a score by the pass that gave it: the screen cleared them, or they were scored exactly.",
            labels: ["pass"])
        unavailable = registry.counter(
            "portcullis_scan_unavailable_total", help: "Scans that found the classifier unavailable, by reason.",
            labels: ["reason"])
        failures = registry.counter(
            "portcullis_scan_failures_total",
            help: "Files whose worker died or was killed over them, by cause; each is tried twice.", labels: ["cause"])
        gaveUp = registry.counter(
            "portcullis_scans_gave_up_total", help: "Files that were given up after two failures, by cause.",
            labels: ["cause"])
        for failure in ScanFailure.allCases { failures.increment(by: 0, failure.rawValue) }
        for cause in GiveUpCause.allCases { gaveUp.increment(by: 0, cause.rawValue) }
        for cause in RestartCause.allCases { restarts.increment(by: 0, cause.rawValue) }
        for pass in ScanPass.allCases { passes.increment(by: 0, pass.rawValue) }
        for reason in UnavailableReason.allCases { unavailable.increment(by: 0, reason.rawValue) }
    }

    func waited(seconds: Double) { queueWait.observe(seconds) }
    func answered(seconds: Double) { scanSeconds.observe(seconds) }
    func restarted(_ cause: RestartCause) { restarts.increment(cause.rawValue) }
    func failed(_ failure: ScanFailure) { failures.increment(failure.rawValue) }

    func show(_ status: WorkerPoolStatus) {
        queueLength.set(Double(status.queued))
        workers.set(Double(status.configured), "configured")
        workers.set(Double(status.live), "live")
        workers.set(Double(status.busy), "busy")
    }

    func count(_ outcome: ScanOutcome) {
        switch outcome {
        case .scored(let scan, _):
            scans.increment("scored")
            passes.increment(scan.pass.rawValue)
        case .unscannable: scans.increment("unscannable")
        case .gaveUp(let cause, _):
            scans.increment("unscannable")
            gaveUp.increment(cause.rawValue)
        case .unsupported: scans.increment("unsupported")
        case .unavailable(let reason, _):
            scans.increment("unavailable")
            unavailable.increment(reason.rawValue)
        }
    }
}
