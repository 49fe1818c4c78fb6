package import Mail
package import Transfer

/// How alerts are sent.
package struct AlertConfiguration: Sendable {
    /// nil: alerts are only logged.
    package var server: MailServer?
    package var sender: MailAddress
    /// The least time between two mails of one kind to one organization.
    package var intervalSeconds: Int
    /// Outages that are shorter are nobody's business.
    package var outageSeconds: Int
    /// The pause after the first failed attempt; it doubles with each.
    package var retrySeconds: Int

    package init(
        server: MailServer?, sender: MailAddress, intervalSeconds: Int = 3_600, outageSeconds: Int = 60,
        retrySeconds: Int = 60
    ) {
        self.server = server
        self.sender = sender
        self.intervalSeconds = intervalSeconds
        self.outageSeconds = outageSeconds
        self.retrySeconds = retrySeconds
    }

    /// Alerts that nobody could be told of for so long are dropped: a day, after the time that the last mail keeps them
    /// back.
    var staleSeconds: Int64 { Self.patienceSeconds + Int64(intervalSeconds) }
    private static let patienceSeconds: Int64 = 86_400
    static let maximumRetrySeconds: Int64 = 900

    func pauseSeconds(afterAttempts attempts: Int) -> Int64 {
        min(Self.maximumRetrySeconds, Int64(retrySeconds) << Int64(min(attempts, 16)))
    }
}
