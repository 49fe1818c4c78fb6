package import Domain

/// Reads everything that must agree, row by row, so that whoever compares it needs no memory for it. Nothing here relies
/// on a counter: sums are made anew from the rows. What every row is handed to may report; it decides nothing.
package struct Reconciliation {
    let transaction: any Transaction
    /// What is called with each row that holds what its columns do not; nil lets such a row end the reading.
    private let unreadable: ((String) -> Void)?

    init(_ transaction: any Transaction, unreadable: ((String) -> Void)? = nil) {
        self.transaction = transaction
        self.unreadable = unreadable
    }

    /// The same reading on after rows that cannot be read.
    package func reportingUnreadable(_ report: @escaping (String) -> Void) -> Reconciliation {
        Reconciliation(transaction, unreadable: report)
    }

    /// Statuses of uploads that were charged, and of those whose content is kept.
    static let charged = "('COMPLETED', 'QUARANTINED', 'DELETED')"
    static let stored = "('COMPLETED', 'QUARANTINED')"

    /// Runs a statement and hands each row on; the rows are not kept.
    /// - Parameter table: what the rows are of; the first column of the statement tells which one it is.
    func forEach(
        _ table: String, _ sql: String, _ parameters: [SQLValue] = [],
        _ body: (inout Row) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        _ = try transaction.query(sql, parameters) { row throws(DatabaseError) in
            let name = row.firstColumn
            do throws(DatabaseError) { try body(&row) } catch {
                guard let unreadable, case .invalidRow(let detail) = error else { throw error }
                unreadable("the row \(name) of \(table): \(detail)")
            }
        }
    }

    package func count(of table: Table) throws(DatabaseError) -> Int {
        Int(try transaction.count("SELECT COUNT(*) FROM \(table.rawValue)", []))
    }

    package enum Table: String, Sendable {
        case organizations, uploads, blobs, quarantine
        case ledger = "credit_ledger"
        case holds = "credit_holds"
        case idempotency = "idempotency_records"
    }

    // MARK: Accounts and ledger

    /// An account's stored counters.
    package struct Account: Sendable {
        package let internalID: InternalID
        package let organization: OrganizationID
        package let counters: LedgerSums
        package let period: BillingPeriod
        /// Σ of its open holds.
        package let openHolds: Int64
    }

    package func accounts(_ body: (Account) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "credit_accounts",
            """
            SELECT a.organization, o.id, a.allowance_used, a.purchased, a.held, a.period_start,
            a.period_end, COALESCE(h.held, 0)
            FROM credit_accounts a JOIN organizations o ON o.internal_id = a.organization
            LEFT JOIN (SELECT organization, CAST(SUM(amount) AS BIGINT) AS held FROM credit_holds GROUP BY organization) h
            ON h.organization = a.organization ORDER BY a.organization
            """
        ) { row throws(DatabaseError) in
            try body(
                Account(
                    internalID: try row.value(), organization: try row.value(),
                    counters: LedgerSums(
                        allowanceUsed: try row.integer(), purchased: try row.integer(), held: try row.integer()),
                    period: BillingPeriod(start: try row.timestamp(), end: try row.timestamp()),
                    openHolds: try row.integer()))
        }
    }

    /// Organizations without an account, which the schema does not rule out.
    package func organizationsWithoutAccount(
        _ body: (OrganizationID) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "organizations",
            """
            SELECT id FROM organizations o
            WHERE NOT EXISTS (SELECT 1 FROM credit_accounts a WHERE a.organization = o.internal_id)
            """
        ) { row throws(DatabaseError) in try body(try row.value()) }
    }

    /// One row of the ledger.
    package struct Movement: Sendable {
        package enum Kind: String, Sendable {
            case period, grant, hold, grow, capture, release, expire
        }

        package let id: Int64
        package let kind: Kind
        package let periodStart: Timestamp
        package let allowance: Int64
        package let purchased: Int64
        package let held: Int64
        package let hold: HoldID?
        package let upload: UploadID?
        package let bytes: Int64
    }

    /// An account's movements in the order in which they happened.
    package func movements(
        of organization: InternalID, _ body: (Movement) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "credit_ledger",
            """
            SELECT id, kind, period_start, allowance_delta, purchased_delta, held_delta, hold_id, upload_id, bytes
            FROM credit_ledger WHERE organization = ?1 ORDER BY id
            """, [.init(organization)]
        ) { row throws(DatabaseError) in
            try body(
                Movement(
                    id: try row.integer(), kind: try row.value(), periodStart: try row.timestamp(),
                    allowance: try row.integer(), purchased: try row.integer(), held: try row.integer(),
                    hold: try row.optionalValue(), upload: try row.optionalValue(), bytes: try row.integer()))
        }
    }

    /// A hold whose rows and whose being open do not agree.
    package struct HoldMismatch: Sendable {
        package let hold: HoldID
        package let organization: OrganizationID
        /// Σ of what its rows hold; 0 once it is closed.
        package let ledgerAmount: Int64
        /// nil where it is not open.
        package let openAmount: Int64?
        /// Rows of the kind `hold`, of which there is one.
        package let placements: Int64
        /// Rows that close it, of which there is one exactly where it is not open.
        package let endings: Int64
    }

    package func holdMismatches(_ body: (HoldMismatch) throws(DatabaseError) -> Void) throws(DatabaseError) {
        let sums = """
            SELECT hold_id, MIN(organization) AS organization, CAST(SUM(held_delta) AS BIGINT) AS held,
            CAST(SUM(CASE WHEN kind = 'hold' THEN 1 ELSE 0 END) AS BIGINT) AS placements,
            CAST(SUM(CASE WHEN kind IN ('capture', 'release', 'expire') THEN 1 ELSE 0 END) AS BIGINT) AS endings
            FROM credit_ledger WHERE hold_id IS NOT NULL GROUP BY hold_id
            """
        try forEach(
            "credit_ledger",
            """
            SELECT l.hold_id, o.id, l.held, h.amount, l.placements, l.endings
            FROM (\(sums)) l LEFT JOIN credit_holds h ON h.id = l.hold_id
            JOIN organizations o ON o.internal_id = l.organization
            WHERE l.placements <> 1 OR l.held <> COALESCE(h.amount, 0)
            OR l.endings <> CASE WHEN h.id IS NULL THEN 1 ELSE 0 END
            """
        ) { row throws(DatabaseError) in try body(try Self.decodeHold(&row)) }
        try forEach(
            "credit_holds",
            """
            SELECT h.id, o.id, 0, h.amount, 0, 0 FROM credit_holds h JOIN organizations o ON o.internal_id = h.organization
            WHERE h.id NOT IN (SELECT hold_id FROM credit_ledger WHERE hold_id IS NOT NULL)
            """
        ) { row throws(DatabaseError) in try body(try Self.decodeHold(&row)) }
    }

    private static func decodeHold(_ row: inout Row) throws(DatabaseError) -> HoldMismatch {
        HoldMismatch(
            hold: try row.value(), organization: try row.value(), ledgerAmount: try row.integer(),
            openAmount: try row.optionalInteger(), placements: try row.integer(), endings: try row.integer())
    }
}

extension Transaction {
    package var reconciliation: Reconciliation { Reconciliation(self) }
}
