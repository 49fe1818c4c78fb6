package import Domain

/// What became of a request to hold credits.
package enum HoldOutcome: Hashable, Sendable {
    /// The balance is the one after the hold.
    case placed(HoldID, CreditBalance)
    case insufficient(CreditBalance)
    /// There is no account: the organization does not exist.
    case noSuchOrganization
}

/// What became of a request to enlarge a hold.
package enum GrowOutcome: Hashable, Sendable {
    case grown(CreditBalance)
    /// The hold stays as it was.
    case insufficient(CreditBalance)
    /// The hold was captured, released or expired before.
    case notOpen
}

/// What became of a request to spend a hold.
package enum CaptureOutcome: Hashable, Sendable {
    case captured(CreditCharge)
    /// The hold was captured, released or expired before; nothing was spent.
    case notOpen
}

/// What became of a request to spend credits that were not held before.
package enum ChargeOutcome: Hashable, Sendable {
    case charged(CreditCharge)
    /// Nothing was spent.
    case insufficient(CreditBalance)
    /// There is no account: the organization does not exist.
    case noSuchOrganization
}

/// What a capture spent, and from where.
package struct CreditCharge: Hashable, Sendable {
    /// From the period's allowance, and past it under automatic billing.
    package var fromAllowance: Int64
    package var fromPurchased: Int64
    /// After the capture.
    package var balance: CreditBalance

    package init(fromAllowance: Int64, fromPurchased: Int64, balance: CreditBalance) {
        self.fromAllowance = fromAllowance
        self.fromPurchased = fromPurchased
        self.balance = balance
    }

    package var amount: Int64 { fromAllowance + fromPurchased }
}

/// What a grant of purchased credits led to.
package struct GrantResult: Hashable, Sendable {
    package var balance: CreditBalance
    /// The tier that the balance raised the organization to, if it did.
    package var upgradedTo: Tier?

    package init(balance: CreditBalance, upgradedTo: Tier?) {
        self.balance = balance
        self.upgradedTo = upgradedTo
    }
}

/// Why a hold is given back.
package enum ReleaseReason: String, Sendable {
    case rejected
    case aborted
    case failed
    case expired
    /// The node that placed it started anew.
    case restarted
}

/// What was captured in some time.
package struct CreditUsage: Hashable, Sendable {
    package var credits: Int64
    package var bytes: Int64
    package var uploads: Int64

    package init(credits: Int64, bytes: Int64, uploads: Int64) {
        self.credits = credits
        self.bytes = bytes
        self.uploads = uploads
    }
}

/// The counters of an account as the sums of its ledger give them.
package struct LedgerSums: Hashable, Sendable {
    package var allowanceUsed: Int64
    package var purchased: Int64
    package var held: Int64

    package init(allowanceUsed: Int64, purchased: Int64, held: Int64) {
        self.allowanceUsed = allowanceUsed
        self.purchased = purchased
        self.held = held
    }
}
