package import Domain

/// Uploads against what was charged for them, and against their contents.
extension Reconciliation {
    /// A row of the kind `capture`, beside the upload that it names.
    package struct Charge: Sendable {
        package let movement: Int64
        package let organization: OrganizationID
        package let upload: UploadID?
        package let credits: Int64
        package let bytes: Int64
        /// nil where there is no such upload of the organization.
        package let record: ChargedRecord?
    }

    package struct ChargedRecord: Sendable {
        package let status: UploadStatus
        package let credits: Int64
        package let size: Int64
    }

    package func charges(_ body: (Charge) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "credit_ledger",
            """
            SELECT l.id, o.id, l.upload_id, l.allowance_delta - l.purchased_delta, l.bytes, u.status, u.credits, u.size
            FROM credit_ledger l JOIN organizations o ON o.internal_id = l.organization
            LEFT JOIN uploads u ON u.id = l.upload_id AND u.organization = l.organization
            WHERE l.kind = 'capture'
            """
        ) { row throws(DatabaseError) in
            let (movement, organization): (Int64, OrganizationID) = (try row.integer(), try row.value())
            let upload: UploadID? = try row.optionalValue()
            let (credits, bytes) = (try row.integer(), try row.integer())
            var record: ChargedRecord?
            if let status: UploadStatus = try row.optionalValue() {
                record = ChargedRecord(status: status, credits: try row.integer(), size: try row.integer())
            }
            try body(
                Charge(
                    movement: movement, organization: organization, upload: upload, credits: credits, bytes: bytes,
                    record: record))
        }
    }

    /// An upload by its name and its organization's.
    package typealias Place = (upload: UploadID, organization: OrganizationID)

    /// Uploads that were charged more than once.
    package func chargedTwice(
        _ body: (Place, _ times: Int64) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "credit_ledger",
            """
            SELECT l.upload_id, MIN(o.id), COUNT(*) FROM credit_ledger l
            JOIN organizations o ON o.internal_id = l.organization
            WHERE l.kind = 'capture' AND l.upload_id IS NOT NULL GROUP BY l.upload_id HAVING COUNT(*) > 1
            """
        ) { row throws(DatabaseError) in
            try body((try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.integer())
        }
    }

    /// Uploads that should have been charged and were not.
    package func uncharged(_ body: (Place) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "uploads",
            """
            SELECT u.id, o.id FROM uploads u JOIN organizations o ON o.internal_id = u.organization
            WHERE u.status IN \(Self.charged) AND u.id NOT IN
            (SELECT upload_id FROM credit_ledger WHERE kind = 'capture' AND upload_id IS NOT NULL)
            """
        ) { row throws(DatabaseError) in
            try body((try row.value(UploadID.self), try row.value(OrganizationID.self)))
        }
    }

    /// Uploads whose record names a price although they were not accepted.
    package func pricedWithoutCharge(
        _ body: (Place, _ credits: Int64) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "uploads",
            """
            SELECT u.id, o.id, u.credits FROM uploads u JOIN organizations o ON o.internal_id = u.organization
            WHERE u.status NOT IN \(Self.charged) AND u.credits <> 0
            """
        ) { row throws(DatabaseError) in
            try body((try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.integer())
        }
    }

    /// What an upload's record and its receipt both say.
    package struct ReceiptedRecord: Sendable {
        package let status: UploadStatus
        package let sha256: ContentHash
        package let receipt: DecisionReceipt
    }

    package func receipts(_ body: (Place, ReceiptedRecord) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "uploads",
            """
            SELECT u.id, o.id, u.status, u.sha256, u.receipt FROM uploads u
            JOIN organizations o ON o.internal_id = u.organization
            """
        ) { row throws(DatabaseError) in
            let place = (try row.value(UploadID.self), try row.value(OrganizationID.self))
            try body(
                place,
                ReceiptedRecord(
                    status: try row.value(), sha256: try row.value(), receipt: try .decode(try row.object())))
        }
    }

    /// A content as the index knows it, beside the uploads that have it.
    package struct Content: Sendable {
        package let internalID: InternalID
        package let organization: OrganizationID
        package let sha256: ContentHash
        package let size: Int64
        package let referenceCount: Int64
        /// Uploads that keep this content.
        package let uploads: Int64
        /// Whether its bytes are in the database; otherwise it has a file.
        package let isInDatabase: Bool
    }

    /// Bytes in the database that are no content's.
    package func bytesWithoutContent(
        _ body: (_ id: Int64, _ size: Int64) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "blob_contents",
            """
            SELECT id, LENGTH(bytes) FROM blob_contents
            WHERE id NOT IN (SELECT content FROM blobs WHERE content IS NOT NULL)
            """
        ) { row throws(DatabaseError) in try body(try row.integer(), try row.integer()) }
    }

    package func contents(_ body: (Content) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "blobs",
            """
            SELECT b.organization, o.id, b.sha256, b.size, b.reference_count,
            (SELECT COUNT(*) FROM uploads u WHERE u.organization = b.organization AND u.sha256 = b.sha256
            AND (u.status IN \(Self.stored) OR (u.status = 'REJECTED'
            AND EXISTS (SELECT 1 FROM quarantine q WHERE q.upload_id = u.id)))),
            CASE WHEN b.content IS NULL THEN 0 ELSE 1 END
            FROM blobs b JOIN organizations o ON o.internal_id = b.organization
            """
        ) { row throws(DatabaseError) in
            try body(
                Content(
                    internalID: try row.value(), organization: try row.value(), sha256: try row.value(),
                    size: try row.integer(), referenceCount: try row.integer(), uploads: try row.integer(),
                    isInDatabase: try row.bool()))
        }
    }

    /// Uploads whose content the index does not know, or knows with another size (nil: not at all).
    package func uploadsWithoutContent(
        _ body: (Place, _ sha256: ContentHash, _ size: Int64, _ indexed: Int64?) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "uploads",
            """
            SELECT u.id, o.id, u.sha256, u.size, b.size FROM uploads u
            JOIN organizations o ON o.internal_id = u.organization
            LEFT JOIN blobs b ON b.organization = u.organization AND b.sha256 = u.sha256
            WHERE (u.status IN \(Self.stored)
            OR (u.status = 'REJECTED' AND EXISTS (SELECT 1 FROM quarantine q WHERE q.upload_id = u.id)))
            AND (b.sha256 IS NULL OR b.size <> u.size)
            """
        ) { row throws(DatabaseError) in
            try body(
                (try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.value(),
                try row.integer(), try row.optionalInteger())
        }
    }

    /// Rows of the quarantine and uploads that do not belong together: nil for a missing row, else whether it is
    /// retained.
    package func quarantineMismatches(
        _ body: (Place, UploadStatus, _ isRetained: Bool?) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "quarantine",
            """
            SELECT u.id, o.id, u.status, CASE WHEN q.retained_until IS NULL THEN 0 ELSE 1 END
            FROM quarantine q JOIN uploads u ON u.id = q.upload_id
            JOIN organizations o ON o.internal_id = u.organization
            WHERE q.organization <> u.organization
            OR u.status <> CASE WHEN q.retained_until IS NULL THEN 'QUARANTINED' ELSE 'REJECTED' END
            """
        ) { row throws(DatabaseError) in
            try body(
                (try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.value(), try row.bool())
        }
        try forEach(
            "uploads",
            """
            SELECT u.id, o.id, u.status FROM uploads u JOIN organizations o ON o.internal_id = u.organization
            WHERE u.status = 'QUARANTINED' AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.upload_id = u.id)
            """
        ) { row throws(DatabaseError) in
            try body((try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.value(), nil)
        }
    }

    /// Kept idempotent answers about uploads that are not there.
    package func answersWithoutUpload(_ body: (Place) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "idempotency_records",
            """
            SELECT r.owner, o.id FROM idempotency_records r JOIN organizations o ON o.internal_id = r.organization
            WHERE r.state = 'complete' AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = r.owner)
            AND NOT EXISTS (SELECT 1 FROM bucket_uploads b WHERE b.id = r.owner)
            """
        ) { row throws(DatabaseError) in
            try body((try row.value(UploadID.self), try row.value(OrganizationID.self)))
        }
    }

    /// Whether a hold for the upload is open.
    package func hasOpenHold(_ upload: UploadID) throws(DatabaseError) -> Bool {
        try transaction.count("SELECT COUNT(*) FROM credit_holds WHERE upload_id = ?1", [.init(upload)]) > 0
    }
}
