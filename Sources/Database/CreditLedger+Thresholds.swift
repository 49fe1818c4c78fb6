internal import Domain

extension CreditLedger {
    /// Shares of the month's allowance, in percent, whose use is an event.
    package static let thresholdPercents: [Int64] = [80, 95, 100]

    /// Notes that a capture brought the use of the month's allowance to a threshold. Each counts once a billing period;
    /// of several that one capture reaches, the highest is told. An unlimited allowance has none, and purchased credits
    /// do not count: they are there to be used when the allowance is.
    func announceThreshold(_ account: CreditAccount, now: Timestamp) throws(DatabaseError) {
        guard let allowance = account.allowance, allowance > 0,
            // The allowance is at most `maximumAmount`.
            let percent = Self.thresholdPercents.last(where: { account.allowanceUsed >= (allowance * $0 + 99) / 100 }),
            try transaction.events.hasAudience(.creditsThreshold, of: account.organization)
        else { return }
        let (organization, period) = (SQLValue(account.organization), SQLValue(account.period.start))
        let told = try transaction.count(
            "SELECT COALESCE(MAX(percent), 0) FROM credit_thresholds WHERE organization = ?1 AND period_start = ?2",
            [organization, period])
        guard told < percent else { return }
        try transaction.execute(
            "DELETE FROM credit_thresholds WHERE organization = ?1 AND period_start < ?2", [organization, period])
        try transaction.execute(
            "INSERT INTO credit_thresholds (organization, period_start, percent) VALUES (?1, ?2, ?3)",
            [organization, period, .init(percent)])
        let subject = try transaction.first(
            "SELECT id FROM organizations WHERE internal_id = ?1", [organization]
        ) { row throws(DatabaseError) in try row.text() }
        guard let subject else { throw .invalidRow("an account belongs to no organization") }
        try transaction.events.emit(
            .creditsThreshold, about: subject, of: account.organization, at: now
        ) { _ throws(DatabaseError) in
            [
                "threshold_percent": .integer(percent), "monthly_allowance": .integer(allowance),
                "allowance_used": .integer(account.allowanceUsed), "purchased_credits": .integer(account.purchased),
                "available_credits": JSONValue(account.balance.available),
                "auto_billing_enabled": .bool(account.autoBillingEnabled),
                "period_start": JSONValue(account.period.start), "period_end": JSONValue(account.period.end),
            ]
        }
    }
}
