package import Domain

/// How many uploads of an organization refer to each content.
///
/// A content is removed in two steps, because its file and its row cannot change in one. The deletion of the last
/// upload leaves a row with the count 0, and is durable before anything else happens. Then, in a write
/// `durableWithOutsideEffect`, `removeUnreferenced` takes the row away if the count still is 0, and inside that
/// transaction, after it, the caller unlinks the file. In an ordinary write it could see the count 0 of a deletion
/// that is not committed yet, and unlink what that deletion's rollback refers to again. A crash in between leaves a row
/// with the count 0, which `unreferenced` finds. An upload of the same content takes part in the same order of transactions: where it commits first, the count is 1 and the
/// file stays; where it commits later, it finds the file gone and links it again from its spool file
/// (`BlobStore.ensureLinked`), inside its transaction and after its `retain`. A content that is kept in the database
/// itself comes and goes with its row.
package struct BlobIndex {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// One more upload refers to the content.
    ///
    /// - Parameter bytes: the content itself, where it is to be kept in the database; nil where it has a file.
    package func retain(
        _ organization: InternalID, _ sha256: ContentHash, size: Int64, bytes: [UInt8]? = nil
    ) throws(DatabaseError) {
        let key: [SQLValue] = [.init(organization), .init(sha256)]
        let known = try transaction.first(
            "SELECT content FROM blobs WHERE organization = ?1 AND sha256 = ?2", key
        ) { row throws(DatabaseError) in try row.optionalInteger() }
        guard let known else {
            if let bytes { try insert(bytes) }
            try transaction.execute(
                """
                INSERT INTO blobs (organization, sha256, size, reference_count, content)
                VALUES (?1, ?2, ?3, 1, CASE WHEN ?4 = 1 THEN \(Self.lastContent) END)
                """, key + [.init(size), .init(bytes != nil)])
            return
        }
        try transaction.execute(
            "UPDATE blobs SET reference_count = reference_count + 1 WHERE organization = ?1 AND sha256 = ?2", key)
        guard let bytes else { return }
        if let content = known {
            // What is acknowledged has to be there byte for byte, also where the content was there already.
            try transaction.execute(
                "UPDATE blob_contents SET bytes = ?2 WHERE id = ?1 AND bytes <> ?2", [.init(content), .blob(bytes)])
        } else {
            // Its file stays until both are removed.
            try insert(bytes)
            try transaction.execute(
                "UPDATE blobs SET content = \(Self.lastContent) WHERE organization = ?1 AND sha256 = ?2", key)
        }
    }

    /// The row that this transaction has inserted: numbers go up, and nobody else writes meanwhile.
    private static let lastContent = "(SELECT MAX(id) FROM blob_contents)"

    private func insert(_ bytes: [UInt8]) throws(DatabaseError) {
        try transaction.execute("INSERT INTO blob_contents (bytes) VALUES (?1)", [.blob(bytes)])
    }

    /// The content itself, where it is kept in the database; nil where it has a file, or is not there.
    package func bytes(_ organization: InternalID, _ sha256: ContentHash) throws(DatabaseError) -> [UInt8]? {
        try transaction.first(
            """
            SELECT c.bytes FROM blobs b JOIN blob_contents c ON c.id = b.content
            WHERE b.organization = ?1 AND b.sha256 = ?2
            """, [.init(organization), .init(sha256)]
        ) { row throws(DatabaseError) in try row.bytes() }
    }

    /// One upload less refers to the content.
    /// - Returns: whether it was the last one.
    package func release(_ organization: InternalID, _ sha256: ContentHash) throws(DatabaseError) -> Bool {
        let left = try transaction.first(
            """
            UPDATE blobs SET reference_count = reference_count - 1
            WHERE organization = ?1 AND sha256 = ?2 AND reference_count > 0 RETURNING reference_count
            """, [.init(organization), .init(sha256)]
        ) { row throws(DatabaseError) in try row.integer() }
        guard let left else { throw .misuse("a release of the content \(sha256), which nothing refers to") }
        return left == 0
    }

    /// Takes the row away, if nothing refers to the content. The caller unlinks the file in the same transaction,
    /// which is `durableWithOutsideEffect`.
    /// - Returns: whether the file is to be unlinked.
    package func removeUnreferenced(
        _ organization: InternalID, _ sha256: ContentHash
    ) throws(DatabaseError) -> Bool {
        let removed = try transaction.query(
            "DELETE FROM blobs WHERE organization = ?1 AND sha256 = ?2 AND reference_count = 0 RETURNING content",
            [.init(organization), .init(sha256)]
        ) { row throws(DatabaseError) in try row.optionalInteger() }
        guard let content = removed.first else { return false }
        if let content { try transaction.execute("DELETE FROM blob_contents WHERE id = ?1", [.init(content)]) }
        return true
    }

    /// Contents that nothing refers to and that were not removed yet.
    package func unreferenced(
        limit: Int = 1000
    ) throws(DatabaseError) -> [(internalID: InternalID, organization: OrganizationID, sha256: ContentHash)] {
        try transaction.query(
            """
            SELECT o.internal_id, o.id, b.sha256 FROM blobs b JOIN organizations o ON o.internal_id = b.organization
            WHERE b.reference_count = 0 LIMIT ?1
            """, [.init(limit)]
        ) { row throws(DatabaseError) in
            (try row.value(InternalID.self), try row.value(OrganizationID.self), try row.value(ContentHash.self))
        }
    }

    /// Whether an upload refers to the content: what the recovery of the blob store asks.
    package func isReferenced(
        _ organization: OrganizationID, _ sha256: ContentHash
    ) throws(DatabaseError) -> Bool {
        try transaction.count(
            """
            SELECT COUNT(*) FROM blobs b JOIN organizations o ON o.internal_id = b.organization
            WHERE o.id = ?1 AND b.sha256 = ?2 AND b.reference_count > 0
            """, [.init(organization), .init(sha256)]) > 0
    }

    /// Whether the content is in the index, be it only to be removed.
    package func isKnown(_ organization: OrganizationID, _ sha256: ContentHash) throws(DatabaseError) -> Bool {
        try transaction.count(
            """
            SELECT COUNT(*) FROM blobs b JOIN organizations o ON o.internal_id = b.organization
            WHERE o.id = ?1 AND b.sha256 = ?2
            """, [.init(organization), .init(sha256)]) > 0
    }

    /// The contents of an organization in the order of their hashes.
    package func list(
        _ organization: InternalID, after: ContentHash? = nil, limit: Int = 1000
    ) throws(DatabaseError) -> [(sha256: ContentHash, size: Int64, referenceCount: Int64)] {
        try transaction.query(
            """
            SELECT sha256, size, reference_count FROM blobs WHERE organization = ?1 AND sha256 > ?2
            ORDER BY sha256 LIMIT ?3
            """, [.init(organization), .init(after?.rawValue ?? ""), .init(limit)]
        ) { row throws(DatabaseError) in (try row.value(ContentHash.self), try row.integer(), try row.integer()) }
    }
}

extension Transaction {
    package var blobs: BlobIndex { BlobIndex(self) }
}
