internal import Domain

/// One organization's counters, as they are stored, beside what its organization grants.
struct CreditAccount {
    var organization: InternalID
    var version: Int64
    var period: BillingPeriod
    var allowanceUsed: Int64
    var purchased: Int64
    var held: Int64
    /// nil for unlimited.
    var allowance: Int64?
    var autoBillingEnabled: Bool
    var billingCycleStart: Int
    var tier: Tier

    static let columns = """
        a.organization, a.version, a.period_start, a.period_end, a.allowance_used, a.purchased, a.held, \
        o.monthly_allowance, o.auto_billing_enabled, o.billing_cycle_start, o.tier
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> CreditAccount {
        let organization: InternalID = try row.value()
        let version = try row.integer()
        let period = BillingPeriod(start: try row.timestamp(), end: try row.timestamp())
        let (used, purchased, held) = (try row.integer(), try row.integer(), try row.integer())
        let override = Organization.decodeAllowance(try row.optionalInteger())
        let (autoBilling, cycleStart) = (try row.bool(), try row.int())
        let tier: Tier = try row.value()
        return CreditAccount(
            organization: organization, version: version, period: period, allowanceUsed: used, purchased: purchased,
            held: held, allowance: (override ?? tier.monthlyAllowance).credits, autoBillingEnabled: autoBilling,
            billingCycleStart: cycleStart, tier: tier)
    }

    /// The account as it is at `now`: after the end of its period nothing of the new allowance is used. The new period
    /// begins no earlier than the old one ended, also where the cycle's day was changed in between.
    func rolledOver(to now: Timestamp) -> CreditAccount {
        guard now >= period.end else { return self }
        let next = BillingPeriod(containing: now, cycleStart: billingCycleStart)
        var account = self
        account.period = BillingPeriod(start: max(next.start, period.end), end: next.end)
        account.allowanceUsed = 0
        return account
    }

    /// How `amount` credits are spent: allowance first, then purchased ones. What neither covers, under automatic
    /// billing or after the allowance was lowered, counts as allowance used.
    func split(_ amount: Int64) -> (fromAllowance: Int64, fromPurchased: Int64) {
        guard let allowance else { return (amount, 0) }
        let fromAllowance = min(amount, max(0, allowance - allowanceUsed))
        let fromPurchased = min(amount - fromAllowance, purchased)
        return (amount - fromPurchased, fromPurchased)
    }

    var balance: CreditBalance {
        CreditBalance(
            allowance: allowance, allowanceUsed: allowanceUsed, purchased: purchased, held: held, period: period,
            autoBillingEnabled: autoBillingEnabled)
    }
}

extension MonthlyAllowance {
    fileprivate var credits: Int64? {
        switch self {
        case .limited(let credits): credits
        case .unlimited: nil
        }
    }
}

/// One row of the ledger: what changes, and because of what.
struct CreditMovement {
    enum Kind: String {
        case period, grant, hold, grow, capture, release, expire
    }

    var kind: Kind
    var allowanceDelta: Int64 = 0
    var purchasedDelta: Int64 = 0
    var heldDelta: Int64 = 0
    var hold: HoldID?
    var upload: UploadID?
    var bytes: Int64 = 0
    var reason: String?
}
