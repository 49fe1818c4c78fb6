/// What uploads cost.
package enum Credits {
    package static let bytesPerCredit: Int64 = 1_048_576

    /// 1 credit per started MiB, and never less than 1.
    package static func cost(ofBytes bytes: Int64) -> Int64 {
        max(1, bytes / bytesPerCredit + (bytes % bytesPerCredit == 0 ? 0 : 1))
    }
}

/// How much an organization may spend in one billing period.
package enum MonthlyAllowance: Hashable, Sendable {
    case limited(Int64)
    case unlimited
}

/// An organization's credits at one moment.
package struct CreditBalance: Hashable, Sendable {
    /// Allowance of the period, nil for unlimited.
    package var allowance: Int64?
    /// Spent from this period's allowance. Exceeds it only under automatic billing.
    package var allowanceUsed: Int64
    package var purchased: Int64
    /// Reserved by open holds.
    package var held: Int64
    package var period: BillingPeriod
    package var autoBillingEnabled: Bool

    package init(
        allowance: Int64?, allowanceUsed: Int64, purchased: Int64, held: Int64, period: BillingPeriod,
        autoBillingEnabled: Bool
    ) {
        self.allowance = allowance
        self.allowanceUsed = allowanceUsed
        self.purchased = purchased
        self.held = held
        self.period = period
        self.autoBillingEnabled = autoBillingEnabled
    }

    /// What is left of the allowance, plus purchased credits, minus open holds; nil for unlimited. Negative only under
    /// automatic billing or after an allowance was lowered.
    package var available: Int64? {
        guard let allowance else { return nil }
        return allowance - allowanceUsed + purchased - held
    }

    /// Whether `amount` more may be held now.
    package func covers(_ amount: Int64) -> Bool {
        guard let available, !autoBillingEnabled else { return true }
        return amount <= available
    }
}
