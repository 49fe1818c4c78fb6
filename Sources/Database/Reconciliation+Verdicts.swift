package import Domain

/// Verdicts that are kept against the receipts of the uploads that they came from.
extension Reconciliation {
    /// A verdict, beside one upload of the same bytes taken for the same type.
    package struct RememberedVerdict: Sendable {
        /// nil where the content could not be scanned.
        package let score: Double?
        package let scannedAt: Timestamp
        package let receipt: DecisionReceipt
    }

    package func verdicts(_ body: (Place, RememberedVerdict) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "scan_verdicts",
            """
            SELECT u.id, o.id, v.score, v.scanned_at, u.receipt FROM scan_verdicts v
            JOIN uploads u ON u.organization = v.organization AND u.sha256 = v.sha256
            JOIN organizations o ON o.internal_id = v.organization
            WHERE u.media_type = v.media_type
            """
        ) { row throws(DatabaseError) in
            let place = (try row.value(UploadID.self), try row.value(OrganizationID.self))
            try body(
                place,
                RememberedVerdict(
                    score: try row.optionalReal(), scannedAt: try row.timestamp(),
                    receipt: try .decode(try row.object())))
        }
    }
}
