import Database
import Telemetry

struct DeliveryMetrics: Sendable {
    private let attempts: Histogram
    private let deliveries: Counter

    init(_ registry: MetricsRegistry, database: any DatabaseDriver) {
        attempts = registry.histogram(
            "portcullis_webhook_attempt_seconds", help: "Attempts to deliver an event, by how they ended.",
            labels: ["outcome"], buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30])
        deliveries = registry.counter(
            "portcullis_webhook_deliveries_total", help: "Deliveries that are over, by how they ended.",
            labels: ["status"])
        registry.gauge("portcullis_webhook_pending", help: "Deliveries that wait or are under way.") {
            let count = try? database.read { transaction throws(DatabaseError) in
                try transaction.deliveries.pendingCount()
            }
            return Double(count ?? 0)
        }
    }

    func attempted(_ outcome: String, after elapsed: Duration) {
        let (seconds, attoseconds) = elapsed.components
        attempts.observe(Double(seconds) + Double(attoseconds) / 1e18, outcome)
    }

    func finished(_ status: String) { deliveries.increment(status) }
}
