package import Domain

/// What captured credits are told apart by.
package enum UsageDimension: String, CaseIterable, Sendable {
    case bucket
    case mediaType
    case key

    fileprivate var column: String {
        switch self {
        case .bucket: "u.bucket"
        case .mediaType: "u.media_type"
        case .key: "u.key_id"
        }
    }
}

extension CreditLedger {
    /// What was captured for the uploads of one key.
    package func usage(
        of organization: InternalID, key: KeyID, in period: BillingPeriod
    ) throws(DatabaseError) -> CreditUsage {
        let rows = try transaction.query(
            """
            SELECT CAST(COALESCE(SUM(l.allowance_delta - l.purchased_delta), 0) AS BIGINT),
            CAST(COALESCE(SUM(l.bytes), 0) AS BIGINT), COUNT(*)
            FROM credit_ledger l JOIN uploads u ON u.id = l.upload_id
            WHERE l.kind = 'capture' AND l.organization = ?1 AND l.at >= ?2 AND l.at < ?3 AND u.key_id = ?4
            """, [.init(organization), .init(period.start), .init(period.end), .init(key)], Self.decodeUsage)
        return rows.first ?? CreditUsage(credits: 0, bytes: 0, uploads: 0)
    }

    /// What was captured, by bucket, media type or key, in the order of their names; at most `limit` of them.
    package func usage(
        of organization: InternalID, by dimension: UsageDimension, in period: BillingPeriod, limit: Int = 1000
    ) throws(DatabaseError) -> [(name: String, usage: CreditUsage)] {
        try transaction.query(
            """
            SELECT \(dimension.column), CAST(SUM(l.allowance_delta - l.purchased_delta) AS BIGINT),
            CAST(SUM(l.bytes) AS BIGINT), COUNT(*)
            FROM credit_ledger l JOIN uploads u ON u.id = l.upload_id
            WHERE l.kind = 'capture' AND l.organization = ?1 AND l.at >= ?2 AND l.at < ?3
            GROUP BY \(dimension.column) ORDER BY \(dimension.column) LIMIT ?4
            """, [.init(organization), .init(period.start), .init(period.end), .init(limit)]
        ) { row throws(DatabaseError) in (try row.text(), try Self.decodeUsage(&row)) }
    }

    static func decodeUsage(_ row: inout Row) throws(DatabaseError) -> CreditUsage {
        CreditUsage(credits: try row.integer(), bytes: try row.integer(), uploads: try row.integer())
    }
}
