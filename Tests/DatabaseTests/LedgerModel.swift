import Database
import Domain

/// The credits of one organization as plain arithmetic: what the ledger has to agree with, written without it.
struct LedgerModel {
    struct Hold {
        var amount: Int64
        var expiresAt: Timestamp
    }

    var tier: Tier
    /// nil: the tier's own.
    var override: MonthlyAllowance?
    var autoBilling: Bool
    var cycleStart: Int
    var period: BillingPeriod
    var used: Int64 = 0
    var purchased: Int64 = 0
    var holds: [HoldID: Hold] = [:]
    var capturedByPeriodStart: [Timestamp: Int64] = [:]

    init(_ organization: Organization) {
        tier = organization.tier
        override = organization.monthlyAllowanceOverride
        autoBilling = organization.autoBillingEnabled
        cycleStart = organization.billingCycleStart
        period = BillingPeriod(containing: organization.createdAt, cycleStart: cycleStart)
    }

    /// nil for unlimited.
    var allowance: Int64? {
        switch (override, tier) {
        case (.limited(let credits)?, _): credits
        case (.unlimited?, _), (nil, .enterprise): nil
        case (nil, .free): 1_000
        case (nil, .pro): 100_000
        case (nil, .team): 1_000_000
        }
    }

    mutating func grant(_ amount: Int64) {
        purchased += amount
        guard tier == .free, let allowance else { return }
        let available = allowance - used + purchased - held
        if available >= 1_000_000 { tier = .team } else if available >= 100_000 { tier = .pro }
    }

    var held: Int64 { holds.values.reduce(0) { $0 + $1.amount } }

    mutating func advance(to now: Timestamp) {
        guard now >= period.end else { return }
        let end = period.end
        let next = BillingPeriod(containing: now, cycleStart: cycleStart)
        period = BillingPeriod(start: next.start < end ? end : next.start, end: next.end)
        used = 0
    }

    func covers(_ amount: Int64) -> Bool {
        guard let allowance, !autoBilling else { return true }
        return allowance - used + purchased - held >= amount
    }

    mutating func capture(_ amount: Int64) {
        capturedByPeriodStart[period.start, default: 0] += amount
        // One credit at a time: allowance, then purchased, then past the allowance.
        for _ in 0..<amount {
            if allowance.map({ used < $0 }) ?? true || purchased == 0 {
                used += 1
            } else {
                purchased -= 1
            }
        }
    }

    var balance: CreditBalance {
        CreditBalance(
            allowance: allowance, allowanceUsed: used, purchased: purchased, held: held, period: period,
            autoBillingEnabled: autoBilling)
    }
}

/// A small generator with a seed (SplitMix64), so that a failing sequence can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
