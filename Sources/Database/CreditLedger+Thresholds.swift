internal import Domain

extension CreditLedger {
    /// Shares of the month's allowance, in percent, whose use is an event.
    package static let thresholdPercents: [Int64] = [80, 95, 100]

    /// Begins anew with the thresholds after the allowance was changed: those told that the use is no longer above of are
    /// forgotten, and one that it is above of now is told.
    func reviewThresholds(of organization: InternalID, now: Timestamp) throws(DatabaseError) {
        guard let account = try account(organization)?.rolledOver(to: now) else { return }
        try transaction.execute(
            "DELETE FROM credit_thresholds WHERE organization = ?1 AND period_start = ?2 AND percent > ?3",
            [.init(organization), .init(account.period.start), .init(Self.reachedThreshold(account) ?? 0)])
        try announceThreshold(account, now: now)
    }

    /// nil below the lowest one, and for an allowance that has none.
    private static func reachedThreshold(_ account: CreditAccount) -> Int64? {
        guard let allowance = account.allowance, allowance > 0 else { return nil }
        // The allowance is at most `maximumAmount`.
        return thresholdPercents.last { account.allowanceUsed >= (allowance * $0 + 99) / 100 }
    }

    /// Notes that a capture, or another allowance, brought the use of the month's allowance to a threshold. Each counts once
    /// a billing period; of several that are reached at once, the highest is told. An unlimited allowance has none, and purchased credits
    /// do not count: they are there to be used when the allowance is.
    func announceThreshold(_ account: CreditAccount, now: Timestamp) throws(DatabaseError) {
        guard let allowance = account.allowance, let percent = Self.reachedThreshold(account),
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
