package import Domain

extension CreditLedger {
    enum Applied {
        /// The account after the movement.
        case applied(CreditAccount)
        /// The account at which `decide` gave no movement; nothing was written.
        case declined(CreditAccount)
        case noSuchOrganization
    }

    func account(_ organization: InternalID) throws(DatabaseError) -> CreditAccount? {
        try transaction.first(
            """
            SELECT \(CreditAccount.columns) FROM credit_accounts a JOIN organizations o ON o.internal_id = a.organization
            WHERE a.organization = ?1
            """, [.init(organization)], CreditAccount.decode)
    }

    /// The one way in which an account changes: reads it, ends its billing period if that is over, asks `decide` for
    /// the movement, writes the counters if nobody else wrote them since, and the ledger rows with them.
    func apply(
        to organization: InternalID, now: Timestamp, _ decide: (CreditAccount) -> CreditMovement?
    ) throws(DatabaseError) -> Applied {
        for _ in 0..<optimisticAttempts {
            guard let stored = try account(organization) else { return .noSuchOrganization }
            let current = stored.rolledOver(to: now)
            guard let movement = decide(current) else { return .declined(current) }
            var next = current
            next.version += 1
            next.allowanceUsed += movement.allowanceDelta
            next.purchased += movement.purchasedDelta
            next.held += movement.heldDelta
            guard try write(next, replacing: stored) else { continue }
            if next.period != stored.period { try appendPeriod(next, after: stored, now: now) }
            try append(movement, to: next, now: now)
            return .applied(next)
        }
        throw .busy("the credit account changed at every attempt to change it")
    }

    /// Ends the billing period if it is over, before the day on which periods begin is changed: until now the old day
    /// counted, also where no movement has noted it.
    func settlePeriod(of organization: InternalID, now: Timestamp) throws(DatabaseError) {
        for _ in 0..<optimisticAttempts {
            guard let stored = try account(organization) else { return }
            var next = stored.rolledOver(to: now)
            guard next.period != stored.period else { return }
            next.version += 1
            guard try write(next, replacing: stored) else { continue }
            return try appendPeriod(next, after: stored, now: now)
        }
        throw .busy("the credit account changed at every attempt to change it")
    }

    private func appendPeriod(
        _ account: CreditAccount, after ended: CreditAccount, now: Timestamp
    ) throws(DatabaseError) {
        try append(CreditMovement(kind: .period, allowanceDelta: -ended.allowanceUsed), to: account, now: now)
    }

    private func write(_ account: CreditAccount, replacing stored: CreditAccount) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE credit_accounts SET version = ?3, period_start = ?4, period_end = ?5, allowance_used = ?6,
            purchased = ?7, held = ?8 WHERE organization = ?1 AND version = ?2
            """,
            [
                .init(account.organization), .init(stored.version), .init(account.version), .init(account.period.start),
                .init(account.period.end), .init(account.allowanceUsed), .init(account.purchased),
                .init(account.held),
            ]) == 1
    }

    private func append(
        _ movement: CreditMovement, to account: CreditAccount, now: Timestamp
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO credit_ledger (organization, at, kind, period_start, allowance_delta, purchased_delta,
            held_delta, hold_id, upload_id, bytes, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            """,
            [
                .init(account.organization), .init(now), .init(movement.kind.rawValue), .init(account.period.start),
                .init(movement.allowanceDelta), .init(movement.purchasedDelta), .init(movement.heldDelta),
                .init(movement.hold), .init(movement.upload), .init(movement.bytes), .init(movement.reason),
            ])
    }

    /// Takes the hold away, so that it can be closed once only, and tells what it was.
    func close(_ id: HoldID) throws(DatabaseError) -> OpenHold? {
        let hold = try transaction.first(
            "SELECT organization, upload_id, amount FROM credit_holds WHERE id = ?1", [.init(id)], OpenHold.decode)
        // The deletion decides, where a driver runs transactions beside each other.
        guard let hold, try transaction.execute("DELETE FROM credit_holds WHERE id = ?1", [.init(id)]) == 1 else {
            return nil
        }
        return hold
    }

    /// What was captured from `period.start` to before `period.end`.
    package func usage(
        of organization: InternalID, in period: BillingPeriod
    ) throws(DatabaseError) -> CreditUsage {
        let rows = try transaction.query(
            """
            SELECT CAST(COALESCE(SUM(allowance_delta - purchased_delta), 0) AS BIGINT),
            CAST(COALESCE(SUM(bytes), 0) AS BIGINT), COUNT(*)
            FROM credit_ledger WHERE kind = 'capture' AND organization = ?1 AND at >= ?2 AND at < ?3
            """, [.init(organization), .init(period.start), .init(period.end)], Self.decodeUsage)
        return rows.first ?? CreditUsage(credits: 0, bytes: 0, uploads: 0)
    }

    /// What was captured on each day (UTC) of `period`, by the day's first moment; days without uploads are left out.
    package func dailyUsage(
        of organization: InternalID, in period: BillingPeriod
    ) throws(DatabaseError) -> [(day: Timestamp, usage: CreditUsage)] {
        try transaction.query(
            """
            SELECT at / 86400000, CAST(SUM(allowance_delta - purchased_delta) AS BIGINT), CAST(SUM(bytes) AS BIGINT), COUNT(*)
            FROM credit_ledger WHERE kind = 'capture' AND organization = ?1 AND at >= ?2 AND at < ?3
            GROUP BY at / 86400000 ORDER BY at / 86400000
            """, [.init(organization), .init(period.start), .init(period.end)]
        ) { row throws(DatabaseError) in
            (Timestamp(milliseconds: try row.integer() * 86_400_000), try Self.decodeUsage(&row))
        }
    }

    /// The account's counters as its ledger's sums give them, beside those that are stored, for `verify`: they are
    /// equal, and what is held equals the open holds. nil without such an organization.
    package func reconcile(
        _ organization: InternalID
    ) throws(DatabaseError) -> (stored: LedgerSums, ledger: LedgerSums, openHolds: Int64)? {
        guard let account = try account(organization) else { return nil }
        let sums = try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(allowance_delta), 0) AS BIGINT),
            CAST(COALESCE(SUM(purchased_delta), 0) AS BIGINT), CAST(COALESCE(SUM(held_delta), 0) AS BIGINT)
            FROM credit_ledger WHERE organization = ?1
            """, [.init(organization)]
        ) { row throws(DatabaseError) in
            LedgerSums(allowanceUsed: try row.integer(), purchased: try row.integer(), held: try row.integer())
        }
        let open = try transaction.count(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM credit_holds WHERE organization = ?1",
            [.init(organization)])
        let stored = LedgerSums(
            allowanceUsed: account.allowanceUsed, purchased: account.purchased, held: account.held)
        return (stored, sums ?? LedgerSums(allowanceUsed: 0, purchased: 0, held: 0), open)
    }

    /// When the latest period of any account began; nil without accounts.
    package func latestPeriodStart() throws(DatabaseError) -> Timestamp? {
        try transaction.first("SELECT MAX(period_start) FROM credit_accounts", []) { row throws(DatabaseError) in
            try row.optionalTimestamp()
        } ?? nil
    }
}
