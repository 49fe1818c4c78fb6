package import Domain

extension BucketUploadStore {
    /// One page of a bucket's uploads, and what all that match are together.
    /// - Parameters:
    ///   - cursor: where the page before ended, for lists ordered by their time of creation.
    ///   - offset: how many to leave out, without a cursor.
    package func list(
        _ query: BucketUploadQuery, after cursor: PageCursor? = nil, offset: Int = 0, limit: Int
    ) throws(DatabaseError) -> (uploads: [BucketUpload], counts: BucketUploadCounts) {
        let bucket = try transaction.query(
            """
            SELECT status, uploads, bytes FROM bucket_upload_counts
            WHERE organization = ?1 AND bucket = ?2 AND uploads > 0
            """, [.init(query.organization), .init(query.bucket)], Self.decodeCount)
        let size = bucket.reduce(0) { $0 + $1.uploads }
        // The index of texts is every tenant's: a small bucket must not pay for the uploads of others.
        let textIndex = size > Self.maximumRead ? transaction : nil
        let counts = try counts(query, bucket, textIndex)
        var sql = BucketUploadSQL(query, textIndex: textIndex, isSelective: counts.total <= Self.maximumSorted)
        var condition = sql.condition
        if let cursor {
            let (at, id) = (sql.parameter(.init(cursor.at)), sql.parameter(.init(cursor.id)))
            condition += " AND (b.created_at, b.id) \(query.order.isDescending ? "<" : ">") (\(at), \(id))"
        }
        let order = sql.order(query.order)
        let page = "LIMIT \(sql.parameter(.init(limit))) OFFSET \(sql.parameter(.init(offset)))"
        let uploads = try transaction.query(
            "SELECT \(Self.columns) FROM bucket_uploads b WHERE \(condition) ORDER BY \(order) \(page)",
            sql.parameters, Self.decode)
        return (uploads, counts)
    }

    /// So many are sorted rather than found one after the other in their order.
    private static let maximumSorted: Int64 = 5_000
    /// The texts of so many are read rather than searched by their index.
    private static let maximumRead: Int64 = 20_000

    private typealias Count = (status: BucketUploadStatus, uploads: Int64, bytes: Int64)

    /// Without a filter, or with one that looks at the status alone, it takes the same time for any number of uploads.
    private func counts(
        _ query: BucketUploadQuery, _ bucket: [Count], _ textIndex: (any Transaction)?
    ) throws(DatabaseError) -> BucketUploadCounts {
        var rows = bucket
        if let statuses = query.condition?.statuses {
            rows = rows.filter { statuses.contains($0.status.rawValue) }
        }
        if query.search != nil || query.condition != nil && query.condition?.statuses == nil {
            // Every match is counted, in no order.
            let sql = BucketUploadSQL(query, textIndex: textIndex, isSelective: true)
            rows = try transaction.query(
                """
                SELECT b.status, COUNT(*), COALESCE(SUM(b.size), 0) FROM bucket_uploads b WHERE \(sql.condition)
                GROUP BY b.status
                """, sql.parameters, Self.decodeCount)
        }
        var counts = BucketUploadCounts(uploads: [:], bytes: 0)
        for row in rows {
            counts.uploads[row.status] = row.uploads
            counts.bytes += row.bytes
        }
        return counts
    }

    private static func decodeCount(_ row: inout Row) throws(DatabaseError) -> Count {
        (try row.value(), try row.integer(), try row.integer())
    }
}
