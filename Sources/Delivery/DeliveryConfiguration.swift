package import Database
package import Transfer

/// How events are sent.
package struct DeliveryConfiguration: Sendable {
    package var rules: TargetRules
    /// Certificates that are trusted, a PEM file; nil for the system's.
    package var authoritiesFile: String?
    /// Transfers at once, of all organizations.
    package var parallelism: Int
    package var limits: DeliveryLimits
    package var schedule: RetrySchedule
    /// How long a webhook may fail before nothing is sent to it any more; nil for as long as it likes.
    package var pauseAfterMilliseconds: Int64?
    /// How many events may wait for one webhook.
    package var backlog: Int
    /// How long deliveries that ended are shown.
    package var retentionMilliseconds: Int64

    package init(
        rules: TargetRules, authoritiesFile: String?, parallelism: Int, schedule: RetrySchedule,
        pauseAfterMilliseconds: Int64?, backlog: Int, retentionMilliseconds: Int64,
        limits: DeliveryLimits = DeliveryLimits()
    ) {
        self.rules = rules
        self.authoritiesFile = authoritiesFile
        self.parallelism = parallelism
        self.limits = limits
        self.schedule = schedule
        self.pauseAfterMilliseconds = pauseAfterMilliseconds
        self.backlog = backlog
        self.retentionMilliseconds = retentionMilliseconds
    }
}
