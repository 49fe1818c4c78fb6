package import Database
package import Telemetry

/// What becomes of alerts.
package struct AlertMetrics: Sendable {
    let mails: Counter
    let alerts: Counter

    /// What becomes of an alert.
    enum Fate: String, CaseIterable {
        /// It was in a mail that the server took, or in the log where there is no server.
        case told
        /// Its mail was refused for good.
        case failed
        /// Its organization has no address any more.
        case suppressed
        /// It was of an outage that was over before its mail went.
        case superseded
        /// It could not be told within a day.
        case dropped
    }

    package init(_ registry: MetricsRegistry, database: any DatabaseDriver) {
        mails = registry.counter(
            "portcullis_alert_mails_total",
            help: "Attempts to send a mail: sent, logged (no mail server), failed (for good), postponed.",
            labels: ["outcome"])
        alerts = registry.counter(
            "portcullis_alerts_total", help: "Alerts by what became of them.", labels: ["fate"])
        registry.gauge("portcullis_alerts_pending", help: "Alerts that wait for their mail.") {
            let count = try? database.read { transaction throws(DatabaseError) in
                try transaction.alerts.pendingCount()
            }
            return Double(count ?? 0)
        }
    }

    func count(_ fate: Fate, _ number: Int) {
        if number > 0 { alerts.increment(by: Double(number), fate.rawValue) }
    }
}
