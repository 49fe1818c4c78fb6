import Domain
package import Telemetry

/// What the path of uploads counts.
package struct UploadMetrics: Sendable {
    private let uploads: Counter
    private let decisions: Histogram
    /// By the step's name.
    private let steps: [String: LabeledHistogram]
    private let bytes: Counter
    private let credits: Counter

    package init(_ registry: MetricsRegistry) {
        uploads = registry.counter(
            "portcullis_uploads_total",
            help: "Uploads by outcome and reason; a reason is the gate's finding or the code of the error.",
            labels: ["outcome", "reason"])
        decisions = registry.histogram(
            "portcullis_gate_decision_seconds", help: "Time of the gate's check of one upload, waiting included.",
            labels: ["reason"], buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
        let stepSeconds = registry.histogram(
            "portcullis_upload_step_seconds", help: "Time of each step of an upload.", labels: ["step"],
            buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300])
        let names = Set((UploadStep.all + UploadStep.confirmation).map(\.name))
        steps = Dictionary(uniqueKeysWithValues: names.map { ($0, stepSeconds.labeled($0)) })
        bytes = registry.counter("portcullis_upload_bytes_total", help: "Bytes of accepted uploads.")
        credits = registry.counter("portcullis_credits_charged_total", help: "Credits charged for uploads.")
    }

    func checked(_ receipt: DecisionReceipt) {
        uploads.increment(receipt.decision.rawValue, receipt.reason.rawValue)
        decisions.observe(receipt.elapsedMilliseconds / 1000, receipt.reason.rawValue)
    }

    func step(_ name: String, seconds: Double) { steps[name]?.observe(seconds) }

    func entered(_ record: UploadRecord) {
        guard record.status == .completed else { return }
        bytes.increment(by: Double(record.size))
        credits.increment(by: Double(record.credits))
    }

    /// An upload that ended without the gate's decision.
    func refused(_ code: FailureCode) { uploads.increment("refused", code.rawValue) }
}
