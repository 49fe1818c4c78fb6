package import Domain

/// An upload whose content is kept but not served, and what is known of its stay.
package struct QuarantineEntry: Hashable, Sendable {
    /// Either QUARANTINED, or REJECTED with its content retained for an appeal.
    package let upload: UploadRecord
    /// Where its content is kept under.
    package let organization: OrganizationID
    package let since: Timestamp
    /// When a rejected upload's content is purged; nil for a quarantined one, which stays until somebody decides.
    package let retainedUntil: Timestamp?
    /// How often a late scan broke its workers or outran its time.
    package let scanAttempts: Int
    /// When it is scanned again; nil where the scan has a result, or was tried often enough.
    package let nextScanAt: Timestamp?
}

/// What a list of the quarantine shows; nil shows all.
package struct QuarantineFilter: Hashable, Sendable {
    package var organization: OrganizationID?
    package var status: UploadStatus?

    package init(organization: OrganizationID? = nil, status: UploadStatus? = nil) {
        self.organization = organization
        self.status = status
    }
}

/// The uploads in quarantine, of all organizations, deleted ones too. A row and its upload change in one transaction:
/// `UploadStore.quarantine` and `UploadStore.markDeleted` keep that for late findings and deletions.
package struct QuarantineStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static let columns =
        "o.id, q.since, q.retained_until, q.scan_attempts, q.next_scan_at, \(UploadStore.columns)"
    private static let tables = """
        quarantine q JOIN uploads u ON u.id = q.upload_id JOIN organizations o ON o.internal_id = q.organization
        """

    private static func decode(_ row: inout Row) throws(DatabaseError) -> QuarantineEntry {
        let organization: OrganizationID = try row.value()
        let (since, until) = (try row.timestamp(), try row.optionalTimestamp())
        let (attempts, next) = (try row.int(), try row.optionalTimestamp())
        return QuarantineEntry(
            upload: try UploadStore.decode(&row), organization: organization, since: since, retainedUntil: until,
            scanAttempts: attempts, nextScanAt: next)
    }

    package func insert(
        _ upload: UploadID, of organization: InternalID, since: Timestamp, retainedUntil: Timestamp? = nil,
        nextScanAt: Timestamp? = nil
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO quarantine (upload_id, organization, since, retained_until, scan_attempts, next_scan_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """,
            [
                .init(upload), .init(organization), .init(since), .init(retainedUntil),
                .init(nextScanAt == nil ? 0 : 1), .init(nextScanAt),
            ])
    }

    package func find(_ upload: UploadID) throws(DatabaseError) -> QuarantineEntry? {
        try transaction.first(
            "SELECT \(Self.columns) FROM \(Self.tables) WHERE q.upload_id = ?1", [.init(upload)], Self.decode)
    }

    /// Newest first.
    package func list(
        _ filter: QuarantineFilter = QuarantineFilter(), after cursor: PageCursor? = nil, limit: Int = 100
    ) throws(DatabaseError) -> Page<QuarantineEntry> {
        let limit = Page<QuarantineEntry>.clamped(limit)
        let organization = filter.organization == nil ? "" : " AND o.id = ?4"
        // One statement for all states: what is in quarantine is little.
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables)
            WHERE (q.since, q.upload_id) < (?1, ?2) AND (?5 IS NULL OR u.status = ?5)\(organization)
            ORDER BY q.since DESC, q.upload_id DESC LIMIT ?3
            """,
            [
                .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""), .init(limit + 1),
                .init(filter.organization), .init(filter.status),
            ], Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.since, id: $0.upload.id.rawValue) }
    }

    /// Takes the upload out of the quarantine; the caller changes its record in the same transaction.
    /// - Returns: false where it is not in it any more.
    package func remove(_ upload: UploadID) throws(DatabaseError) -> Bool {
        try transaction.execute("DELETE FROM quarantine WHERE upload_id = ?1", [.init(upload)]) == 1
    }

    /// Those whose scan is to be repeated, the one longest due first.
    package func dueScans(now: Timestamp, limit: Int) throws(DatabaseError) -> [QuarantineEntry] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables)
            WHERE q.next_scan_at <= ?1 ORDER BY q.next_scan_at LIMIT ?2
            """, [.init(now), .init(limit)], Self.decode)
    }

    /// Notes that a repeated scan had no result either.
    /// - Parameter nextScanAt: nil where it is not repeated again.
    package func noteScan(_ upload: UploadID, nextScanAt: Timestamp?) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE quarantine SET scan_attempts = scan_attempts + 1, next_scan_at = ?2 WHERE upload_id = ?1",
            [.init(upload), .init(nextScanAt)])
    }

    /// Notes that the scan has a result.
    package func endScans(_ upload: UploadID) throws(DatabaseError) {
        try transaction.execute("UPDATE quarantine SET next_scan_at = NULL WHERE upload_id = ?1", [.init(upload)])
    }

    /// Rejected uploads whose content was retained long enough, the oldest first.
    package func overdue(now: Timestamp, limit: Int) throws(DatabaseError) -> [QuarantineEntry] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables)
            WHERE q.retained_until <= ?1 ORDER BY q.retained_until LIMIT ?2
            """, [.init(now), .init(limit)], Self.decode)
    }
}

extension Transaction {
    package var quarantine: QuarantineStore { QuarantineStore(self) }
}
