internal import Crypto
package import Domain

/// The credits of the organizations: one account each, and an append-only ledger of every movement.
///
/// Each ledger row carries what it adds to the account's three counters, so that for every account, at any time,
/// `allowance_used` = Σ `allowance_delta`, `purchased` = Σ `purchased_delta` and `held` = Σ `held_delta`. The row of
/// kind `period` that ends a billing period takes back what the period had used. The usage of some time is
/// Σ (`allowance_delta` − `purchased_delta`) and Σ `bytes` over the rows of kind `capture`.
///
/// An account's counters change only by a compare-and-set on its version, in the transaction that writes the ledger
/// row, so neither two processes nor two statements can spend the same credit.
package struct CreditLedger {
    let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// The most that one operation moves, far above any file or purchase, so that no sum overflows.
    package static let maximumAmount: Int64 = 1_000_000_000_000

    func openAccount(for organization: Organization) throws(DatabaseError) {
        let period = BillingPeriod(containing: organization.createdAt, cycleStart: organization.billingCycleStart)
        try transaction.execute(
            """
            INSERT INTO credit_accounts
            (organization, version, period_start, period_end, allowance_used, purchased, held)
            VALUES (?1, 1, ?2, ?3, 0, 0, 0)
            """, [.init(organization.internalID), .init(period.start), .init(period.end)])
    }

    /// The balance at `now`, with a billing period that ended since counted as ended, though nothing is written; nil
    /// without such an organization.
    package func balance(of organization: InternalID, now: Timestamp) throws(DatabaseError) -> CreditBalance? {
        try account(organization)?.rolledOver(to: now).balance
    }

    /// Reserves `amount` credits for an upload, if they are there.
    /// - Parameters:
    ///   - node: the node that runs the upload, so that its holds can be released when it starts anew.
    ///   - expiresAt: when `expireHolds` may give the credits back.
    package func placeHold(
        organization: InternalID, amount: Int64, upload: UploadID, node: String, expiresAt: Timestamp, now: Timestamp
    ) throws(DatabaseError) -> HoldOutcome {
        try check(amount)
        let hold = RandomID.holdID()
        let applied = try apply(to: organization, now: now) { account in
            account.balance.covers(amount)
                ? CreditMovement(kind: .hold, heldDelta: amount, hold: hold, upload: upload) : nil
        }
        switch applied {
        case .noSuchOrganization: return .noSuchOrganization
        case .declined(let account): return .insufficient(account.balance)
        case .applied(let account):
            try transaction.execute(
                """
                INSERT INTO credit_holds (id, organization, upload_id, node, amount, created_at, expires_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                """,
                [
                    .init(hold), .init(organization), .init(upload), .init(node), .init(amount), .init(now),
                    .init(expiresAt),
                ])
            return .placed(hold, account.balance)
        }
    }

    /// Enlarges a hold to `amount` credits, for a body that is longer than was known; a hold that is as large already
    /// stays as it is.
    /// - Parameter expiresAt: a new expiry, nil to keep the old one.
    package func growHold(
        _ id: HoldID, to amount: Int64, expiresAt: Timestamp? = nil, now: Timestamp
    ) throws(DatabaseError) -> GrowOutcome {
        try check(amount)
        // Writing the row locks it, where the driver has row locks: nobody closes the hold between here and the end.
        let hold = try transaction.first(
            """
            UPDATE credit_holds SET expires_at = COALESCE(?2, expires_at) WHERE id = ?1
            RETURNING organization, upload_id, amount
            """, [.init(id), .init(expiresAt)], OpenHold.decode)
        guard let hold else { return .notOpen }
        let missing = amount - hold.amount
        let applied = try apply(to: hold.organization, now: now) { account in
            guard missing > 0, account.balance.covers(missing) else { return nil }
            return CreditMovement(kind: .grow, heldDelta: missing, hold: id, upload: hold.upload)
        }
        switch applied {
        case .noSuchOrganization: return .notOpen
        case .declined(let account):
            return missing > 0 ? .insufficient(account.balance) : .grown(account.balance)
        case .applied(let account):
            try transaction.execute(
                "UPDATE credit_holds SET amount = ?2 WHERE id = ?1", [.init(id), .init(amount)])
            return .grown(account.balance)
        }
    }

    /// Spends `amount` credits of a hold, allowance first, and gives back the rest of it.
    ///
    /// Throws `misuse` for more than the hold reserves: the caller lost count, and must not spend what others hold.
    /// - Parameter bytes: what was stored for it, for the usage.
    package func captureHold(
        _ id: HoldID, amount: Int64, bytes: Int64, now: Timestamp
    ) throws(DatabaseError) -> CaptureOutcome {
        try check(amount)
        guard let hold = try close(id) else { return .notOpen }
        guard amount <= hold.amount else {
            throw .misuse("a capture of \(amount) credits from the hold \(id) of \(hold.amount)")
        }
        let spending = CreditMovement(
            kind: .capture, heldDelta: -hold.amount, hold: id, upload: hold.upload, bytes: bytes)
        guard case .charged(let charge) = try spend(amount, of: hold.organization, as: spending, now: now) else {
            return .notOpen
        }
        return .captured(charge)
    }

    /// Spends `amount` credits that were not held before, if they are there, allowance first: for an upload that ends in
    /// the transaction in which it is paid for.
    /// - Parameter bytes: what was stored for it, for the usage.
    package func charge(
        _ organization: InternalID, amount: Int64, upload: UploadID, bytes: Int64, now: Timestamp
    ) throws(DatabaseError) -> ChargeOutcome {
        try check(amount)
        return try spend(
            amount, of: organization, as: CreditMovement(kind: .capture, upload: upload, bytes: bytes), now: now)
    }

    /// - Parameter spending: without the two deltas of what is spent. What it takes from a hold is spent in any case.
    private func spend(
        _ amount: Int64, of organization: InternalID, as spending: CreditMovement, now: Timestamp
    ) throws(DatabaseError) -> ChargeOutcome {
        var movement = spending
        let applied = try apply(to: organization, now: now) { account in
            guard spending.hold != nil || account.balance.covers(amount) else { return nil }
            let split = account.split(amount)
            (movement.allowanceDelta, movement.purchasedDelta) = (split.fromAllowance, -split.fromPurchased)
            return movement
        }
        switch applied {
        case .noSuchOrganization: return .noSuchOrganization
        case .declined(let account): return .insufficient(account.balance)
        case .applied(let account):
            try announceThreshold(account, now: now)
            return .charged(
                CreditCharge(
                    fromAllowance: movement.allowanceDelta, fromPurchased: -movement.purchasedDelta,
                    balance: account.balance))
        }
    }

    /// What a hold reserves, and until when; nil where it is closed.
    package func openHold(_ id: HoldID) throws(DatabaseError) -> (amount: Int64, expiresAt: Timestamp)? {
        try transaction.first("SELECT amount, expires_at FROM credit_holds WHERE id = ?1", [.init(id)]) {
            row throws(DatabaseError) in (try row.integer(), try row.timestamp())
        }
    }

    /// Gives the credits of a hold back; does nothing where it is closed already.
    /// - Returns: whether it was open.
    @discardableResult
    package func releaseHold(_ id: HoldID, reason: ReleaseReason, now: Timestamp) throws(DatabaseError) -> Bool {
        guard let hold = try close(id) else { return false }
        let applied = try apply(to: hold.organization, now: now) { _ in
            CreditMovement(
                kind: reason == .expired ? .expire : .release, heldDelta: -hold.amount, hold: id, upload: hold.upload,
                reason: reason.rawValue)
        }
        guard case .applied = applied else { throw .invalidRow("the hold \(id) belongs to no account") }
        return true
    }

    /// Gives back the holds whose time is over, the oldest first, at most `limit` of them.
    /// - Returns: how many.
    @discardableResult
    package func expireHolds(now: Timestamp, limit: Int = 1000) throws(DatabaseError) -> Int {
        let overdue = try transaction.query(
            "SELECT id FROM credit_holds WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            [.init(now), .init(limit)]
        ) { row throws(DatabaseError) in try row.value(HoldID.self) }
        return try release(overdue, reason: .expired, now: now)
    }

    /// Gives back what a node held, when it starts anew: the uploads that it had in flight are gone.
    /// - Returns: how many holds.
    @discardableResult
    package func releaseHolds(ofNode node: String, now: Timestamp) throws(DatabaseError) -> Int {
        let left = try transaction.query(
            "SELECT id FROM credit_holds WHERE node = ?1", [.init(node)]
        ) { row throws(DatabaseError) in try row.value(HoldID.self) }
        return try release(left, reason: .restarted, now: now)
    }

    private func release(_ holds: [HoldID], reason: ReleaseReason, now: Timestamp) throws(DatabaseError) -> Int {
        var count = 0
        for hold in holds where try releaseHold(hold, reason: reason, now: now) { count += 1 }
        return count
    }

    /// Adds purchased credits. A FREE organization whose available credits reach the threshold of a higher tier is
    /// raised to it.
    /// - Returns: nil without such an organization.
    package func grant(
        _ amount: Int64, to organization: InternalID, reason: String, now: Timestamp
    ) throws(DatabaseError) -> GrantResult? {
        try check(amount)
        let applied = try apply(to: organization, now: now) { account in
            CreditMovement(kind: .grant, purchasedDelta: amount, reason: reason)
        }
        guard case .applied(let account) = applied else { return nil }
        guard let available = account.balance.available,
            let tier = Tier.upgrade(from: account.tier, balance: available),
            try transaction.execute(
                """
                UPDATE organizations SET tier = ?2, updated_at = ?3, version = version + 1
                WHERE internal_id = ?1 AND tier = ?4
                """, [.init(organization), .init(tier), .init(now), .init(account.tier)]) == 1
        else { return GrantResult(balance: account.balance, upgradedTo: nil) }
        // The higher tier's allowance counts from now on.
        if account.allowance != (try self.account(organization)?.allowance) {
            try reviewThresholds(of: organization, now: now)
        }
        let balance = try balance(of: organization, now: now) ?? account.balance
        return GrantResult(balance: balance, upgradedTo: tier)
    }

    private func check(_ amount: Int64) throws(DatabaseError) {
        guard (1...Self.maximumAmount).contains(amount) else {
            throw .misuse("an amount of \(amount) credits; 1...\(Self.maximumAmount) are possible")
        }
    }
}

extension Transaction {
    package var credits: CreditLedger { CreditLedger(self) }
}

/// A hold that is neither captured nor released.
struct OpenHold {
    let organization: InternalID
    let upload: UploadID
    let amount: Int64

    static func decode(_ row: inout Row) throws(DatabaseError) -> OpenHold {
        OpenHold(organization: try row.value(), upload: try row.value(), amount: try row.integer())
    }
}
