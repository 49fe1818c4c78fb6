package import Domain

extension BucketUploadStore {
    /// One page of a bucket's uploads.
    /// - Parameters:
    ///   - cursor: where the page before ended, for lists ordered by their time of creation.
    ///   - offset: how many to leave out, without a cursor.
    package func list(
        _ query: BucketUploadQuery, after cursor: PageCursor? = nil, offset: Int = 0, limit: Int
    ) throws(DatabaseError) -> [BucketUpload] {
        var sql = BucketUploadSQL(query, in: transaction)
        var condition = sql.condition
        if let cursor {
            let (at, id) = (sql.parameter(.init(cursor.at)), sql.parameter(.init(cursor.id)))
            condition += " AND (b.created_at, b.id) \(query.order.isDescending ? "<" : ">") (\(at), \(id))"
        }
        let order = sql.order(query.order)
        let page = "LIMIT \(sql.parameter(.init(limit))) OFFSET \(sql.parameter(.init(offset)))"
        return try transaction.query(
            "SELECT \(Self.columns) FROM bucket_uploads b WHERE \(condition) ORDER BY \(order) \(page)",
            sql.parameters, Self.decode)
    }

    /// How many uploads a query finds, of which status, and their bytes. Without a filter, or with one that looks at the
    /// status alone, it takes the same time for any number of uploads.
    package func counts(_ query: BucketUploadQuery) throws(DatabaseError) -> BucketUploadCounts {
        var counts = BucketUploadCounts(uploads: [:], bytes: 0)
        let statuses = query.condition.map(\.statuses)
        let rows: [(BucketUploadStatus, Int64, Int64)]
        if query.search == nil, query.condition == nil || statuses != .some(nil) {
            rows = try transaction.query(
                """
                SELECT status, uploads, bytes FROM bucket_upload_counts
                WHERE organization = ?1 AND bucket = ?2 AND uploads > 0
                """, [.init(query.organization), .init(query.bucket)], Self.decodeCount)
        } else {
            let sql = BucketUploadSQL(query, in: transaction)
            rows = try transaction.query(
                """
                SELECT b.status, COUNT(*), COALESCE(SUM(b.size), 0) FROM bucket_uploads b WHERE \(sql.condition)
                GROUP BY b.status
                """, sql.parameters, Self.decodeCount)
        }
        for (status, uploads, bytes) in rows {
            if let statuses, let wanted = statuses, !wanted.contains(status.rawValue) { continue }
            counts.uploads[status] = uploads
            counts.bytes += bytes
        }
        return counts
    }

    private static func decodeCount(_ row: inout Row) throws(DatabaseError) -> (BucketUploadStatus, Int64, Int64) {
        (try row.value(), try row.integer(), try row.integer())
    }
}
