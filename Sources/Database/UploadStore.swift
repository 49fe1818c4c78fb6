package import Domain

/// The records of the uploads: accepted ones with content, rejected ones for audit and usage.
package struct UploadStore {
    let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    static let columns = """
        u.id, u.organization, u.bucket, u.filename, u.declared_content_type, u.media_type, u.size, u.sha256, \
        u.status, u.scan_state, u.metadata, u.credits, u.receipt, u.key_id, u.created_at, u.deleted_at
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> UploadRecord {
        UploadRecord(
            id: try row.value(), organization: try row.value(), bucket: try row.text(), filename: try row.text(),
            declaredContentType: try row.text(), mediaType: try row.value(), size: try row.integer(),
            sha256: try row.value(), status: try row.value(), scanState: try row.value(),
            metadata: try row.object(), credits: try row.integer(),
            receipt: try DecisionReceipt.decode(try row.object()), key: try row.value(),
            createdAt: try row.timestamp(), deletedAt: try row.optionalTimestamp())
    }

    package func insert(_ upload: UploadRecord) throws(DatabaseError) {
        let receipt = upload.receipt
        try transaction.execute(
            """
            INSERT INTO uploads (id, organization, bucket, filename, declared_content_type, media_type, size, sha256,
            status, scan_state, metadata, credits, receipt, reason, score, key_id, created_at, deleted_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
            """,
            [
                .init(upload.id), .init(upload.organization), .init(upload.bucket), .init(upload.filename),
                .init(upload.declaredContentType), .init(upload.mediaType), .init(upload.size), .init(upload.sha256),
                .init(upload.status), .init(upload.scanState), .init(upload.metadata), .init(upload.credits),
                .init(try receipt.encoded()), .init(receipt.reason), Self.score(of: receipt), .init(upload.key),
                .init(upload.createdAt), .init(upload.deletedAt),
            ])
    }

    private static func score(of receipt: DecisionReceipt) -> SQLValue {
        receipt.scan.map { .real($0.score) } ?? .null
    }

    package func find(_ organization: InternalID, id: UploadID) throws(DatabaseError) -> UploadRecord? {
        try transaction.first(
            "SELECT \(Self.columns) FROM uploads u WHERE u.organization = ?1 AND u.id = ?2",
            [.init(organization), .init(id)], Self.decode)
    }

    /// Completed uploads of the same organization with the same content, oldest first.
    package func duplicates(
        of sha256: ContentHash, in organization: InternalID, limit: Int = 100
    ) throws(DatabaseError) -> [UploadRecord] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM uploads u
            WHERE u.organization = ?1 AND u.sha256 = ?2 AND u.status = 'COMPLETED'
            ORDER BY u.created_at, u.id LIMIT ?3
            """, [.init(organization), .init(sha256), .init(Page<UploadRecord>.clamped(limit))], Self.decode)
    }

    /// How many uploads of a status were made from `period.start` to before `period.end`.
    package func count(
        _ organization: InternalID, status: UploadStatus, in period: BillingPeriod
    ) throws(DatabaseError) -> Int {
        Int(
            try transaction.count(
                """
                SELECT COUNT(*) FROM uploads
                WHERE organization = ?1 AND status = ?2 AND created_at >= ?3 AND created_at < ?4
                """, [.init(organization), .init(status), .init(period.start), .init(period.end)]))
    }

    /// Newest first.
    package func list(
        _ organization: InternalID, filter: UploadFilter = UploadFilter(), after cursor: PageCursor? = nil,
        limit: Int = 100
    ) throws(DatabaseError) -> Page<UploadRecord> {
        let limit = Page<UploadRecord>.clamped(limit)
        let (conditions, parameters) = filter.conditions(firstParameter: 5)
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM uploads u
            WHERE u.organization = ?1 AND (u.created_at, u.id) < (?2, ?3)\(conditions)
            ORDER BY u.created_at DESC, u.id DESC LIMIT ?4
            """,
            [
                .init(organization), .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""),
                .init(limit + 1),
            ] + parameters, Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.createdAt, id: $0.id.rawValue) }
    }

    /// What became of a request to delete an upload.
    package enum DeleteOutcome: Hashable, Sendable {
        /// It is a tombstone now; the record is the one before. Its content's reference is to be released.
        case deleted(UploadRecord)
        case alreadyDeleted(UploadRecord)
        /// It was rejected, and never had content.
        case withoutContent(UploadRecord)
        case notFound
    }

    /// Turns the record into a tombstone. The caller releases the content's reference in the same transaction.
    package func markDeleted(
        _ organization: InternalID, id: UploadID, now: Timestamp
    ) throws(DatabaseError) -> DeleteOutcome {
        // The conditional update decides, so that only one of two deletions releases the content.
        let before = try find(organization, id: id)
        guard let before else { return .notFound }
        let changed = try transaction.execute(
            """
            UPDATE uploads SET status = 'DELETED', deleted_at = ?3
            WHERE organization = ?1 AND id = ?2 AND status IN ('COMPLETED', 'QUARANTINED')
            """, [.init(organization), .init(id), .init(now)])
        if changed == 1 {
            if before.status == .quarantined { _ = try transaction.quarantine.remove(id) }
            return .deleted(before)
        }
        return before.status == .rejected ? .withoutContent(before) : .alreadyDeleted(before)
    }

    /// Takes an upload that was admitted unscanned out of service, because of what its scan found. Its content and its
    /// charge stay.
    /// - Parameters:
    ///   - scanState: `unscanned` where the scan had no result.
    ///   - nextScanAt: when it is scanned again, for a scan without a result.
    /// - Returns: false where it is not an unscanned, completed upload any more.
    package func quarantine(
        _ organization: InternalID, id: UploadID, receipt: DecisionReceipt, scanState: ScanState = .scanned,
        nextScanAt: Timestamp? = nil, now: Timestamp
    ) throws(DatabaseError) -> Bool {
        guard try settle(organization, id: id, receipt: receipt, status: .quarantined, scanState: scanState) else {
            return false
        }
        try transaction.quarantine.insert(id, of: organization, since: now, nextScanAt: nextScanAt)
        return true
    }

    /// Notes the result of scanning an upload that was admitted unscanned, and that stays in service.
    /// - Returns: false where it is not an unscanned, completed upload any more.
    package func resolveScan(
        _ organization: InternalID, id: UploadID, receipt: DecisionReceipt, scanState: ScanState = .scanned
    ) throws(DatabaseError) -> Bool {
        try settle(organization, id: id, receipt: receipt, status: .completed, scanState: scanState)
    }

    /// Writes a new receipt for an upload that is in quarantine, and what it is now: COMPLETED for one that is served
    /// from here on. The caller takes it out of the quarantine then, in the same transaction.
    /// - Parameter credits: what it was charged in all.
    /// - Returns: false where its status is not `status` any more.
    package func revise(
        _ id: UploadID, from status: UploadStatus, to newStatus: UploadStatus, receipt: DecisionReceipt,
        scanState: ScanState, credits: Int64
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE uploads SET status = ?3, scan_state = ?4, receipt = ?5, reason = ?6, score = ?7, credits = ?8
            WHERE id = ?1 AND status = ?2
            """,
            [
                .init(id), .init(status), .init(newStatus), .init(scanState), .init(try receipt.encoded()),
                .init(receipt.reason), Self.score(of: receipt), .init(credits),
            ]) == 1
    }

    private func settle(
        _ organization: InternalID, id: UploadID, receipt: DecisionReceipt, status: UploadStatus, scanState: ScanState
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE uploads SET status = ?3, scan_state = ?4, receipt = ?5, reason = ?6, score = ?7
            WHERE organization = ?1 AND id = ?2 AND status = 'COMPLETED' AND scan_state = 'unscanned'
            """,
            [
                .init(organization), .init(id), .init(status), .init(scanState), .init(try receipt.encoded()),
                .init(receipt.reason), Self.score(of: receipt),
            ]) == 1
    }
}

extension Transaction {
    package var uploads: UploadStore { UploadStore(self) }
}
