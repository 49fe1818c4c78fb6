package import Domain

/// Announced uploads against what has arrived of them, what became of them, and how many are counted.
extension Reconciliation {
    /// An announced upload whose bytes arrived whole and that is not over.
    package struct Arrival: Sendable {
        package let upload: UploadID
        package let organization: OrganizationID
        package let size: Int64
        package let sha256: ContentHash
        package let expiresAt: Timestamp
    }

    package func arrivals(_ body: (Arrival) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "bucket_uploads",
            """
            SELECT b.id, o.id, b.received_size, b.received_hash, b.expires_at FROM bucket_uploads b
            JOIN organizations o ON o.internal_id = b.organization
            WHERE b.status IN ('PENDING', 'PROCESSING') AND b.received_size IS NOT NULL AND b.received_hash IS NOT NULL
            """
        ) { row throws(DatabaseError) in
            try body(
                Arrival(
                    upload: try row.value(), organization: try row.value(), size: try row.integer(),
                    sha256: try row.value(), expiresAt: try row.timestamp()))
        }
    }

    /// Announced uploads that count as completed and have no record in service, and the other way round.
    package func announcementMismatches(
        _ body: (Place, BucketUploadStatus, UploadStatus?) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "bucket_uploads",
            """
            SELECT b.id, o.id, b.status, u.status FROM bucket_uploads b
            JOIN organizations o ON o.internal_id = b.organization
            LEFT JOIN uploads u ON u.id = b.id AND u.organization = b.organization
            WHERE (b.status = 'COMPLETED') <> (u.status IS NOT NULL AND u.status IN \(Self.stored))
            OR (b.status IN ('PENDING', 'PROCESSING') AND u.id IS NOT NULL)
            """
        ) { row throws(DatabaseError) in
            try body(
                (try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.value(),
                try row.optionalValue())
        }
    }

    /// Announced uploads that are open and for which no credits are held, or those of another upload (nil: none).
    package func announcementsWithoutHold(
        now: Timestamp, _ body: (Place, HoldID, _ holder: UploadID?) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        // A hold that expired in time ends with the upload, at the next sweep.
        try forEach(
            "bucket_uploads",
            """
            SELECT b.id, o.id, b.hold_id, h.upload_id FROM bucket_uploads b
            JOIN organizations o ON o.internal_id = b.organization
            LEFT JOIN credit_holds h ON h.id = b.hold_id
            WHERE b.status IN ('PENDING', 'PROCESSING') AND b.hold_id IS NOT NULL
            AND (h.id IS NULL OR h.upload_id <> b.id OR h.organization <> b.organization)
            AND b.expires_at > ?1 AND o.deleted_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM credit_ledger l WHERE l.hold_id = b.hold_id AND l.kind = 'expire')
            """, [.init(now)]
        ) { row throws(DatabaseError) in
            try body(
                (try row.value(UploadID.self), try row.value(OrganizationID.self)), try row.value(),
                try row.optionalValue())
        }
    }

    /// What a bucket is said to have, beside what it has.
    package struct BucketCount: Sendable {
        package let organization: OrganizationID
        package let bucket: String
        package let status: String
        package let uploads: (counted: Int64, found: Int64)
        package let bytes: (counted: Int64, found: Int64)
    }

    package func bucketCountMismatches(
        _ body: (BucketCount) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        let found = """
            SELECT organization, bucket, status, COUNT(*) AS uploads, CAST(SUM(COALESCE(size, 0)) AS BIGINT) AS bytes
            FROM bucket_uploads GROUP BY organization, bucket, status
            """
        try forEach(
            "bucket_upload_counts",
            """
            SELECT o.id, k.bucket, k.status, COALESCE(c.uploads, 0), COALESCE(f.uploads, 0), COALESCE(c.bytes, 0),
            COALESCE(f.bytes, 0)
            FROM (SELECT organization, bucket, status FROM bucket_upload_counts
            UNION SELECT organization, bucket, status FROM bucket_uploads) k
            LEFT JOIN bucket_upload_counts c
            ON c.organization = k.organization AND c.bucket = k.bucket AND c.status = k.status
            LEFT JOIN (\(found)) f ON f.organization = k.organization AND f.bucket = k.bucket AND f.status = k.status
            JOIN organizations o ON o.internal_id = k.organization
            WHERE COALESCE(c.uploads, 0) <> COALESCE(f.uploads, 0) OR COALESCE(c.bytes, 0) <> COALESCE(f.bytes, 0)
            """
        ) { row throws(DatabaseError) in
            try body(
                BucketCount(
                    organization: try row.value(), bucket: try row.text(), status: try row.text(),
                    uploads: (try row.integer(), try row.integer()),
                    bytes: (try row.integer(), try row.integer())))
        }
    }
}
