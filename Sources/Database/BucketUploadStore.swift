internal import Crypto
package import Domain

/// Uploads that are announced first, then sent to a signed URL, then confirmed. A confirmed one has its record in
/// `UploadStore` besides, under the same id.
package struct BucketUploadStore {
    let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    static let columns = """
        b.id, b.organization, b.created_at, b.key_id, b.bucket, b.filename, b.content_type, b.announced_size, \
        b.file_hash, b.metadata, b.options, b.secret, b.hold_id, b.status, b.message, b.expires_at, b.received_size, \
        b.received_hash, b.received_at, b.completed_at, b.task_id
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> BucketUpload {
        let (id, organization): (UploadID, InternalID) = (try row.value(), try row.value())
        let (createdAt, key): (Timestamp, KeyID) = (try row.timestamp(), try row.value())
        let announcement = try UploadAnnouncement.decode(&row)
        var upload = BucketUpload(
            id: id, organization: organization, createdAt: createdAt, key: key, announcement: announcement,
            secret: try row.secret(), hold: try row.optionalValue(), status: try row.value(),
            message: try row.optionalText(), expiresAt: try row.timestamp())
        let size = try row.optionalInteger()
        let sha256: ContentHash? = try row.optionalValue()
        let receivedAt = try row.optionalTimestamp()
        if let size, let sha256, let receivedAt {
            upload.received = ReceivedContent(size: size, sha256: sha256, at: receivedAt)
        }
        upload.completedAt = try row.optionalTimestamp()
        upload.task = try row.optionalValue()
        return upload
    }

    package func insert(_ upload: BucketUpload) throws(DatabaseError) {
        let announcement = upload.announcement
        let leaves = MetadataLeaf.all(of: announcement.metadata)
        let searchText = ([announcement.filename] + leaves.map(\.text).filter { !$0.isEmpty }).joined(separator: "\n")
            .lowercased()
        try transaction.execute(
            """
            INSERT INTO bucket_uploads (id, organization, created_at, key_id, bucket, filename, content_type,
            announced_size, size, file_hash, metadata, search_text, options, secret, hold_id, status, expires_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
            """,
            [
                .init(upload.id), .init(upload.organization), .init(upload.createdAt), .init(upload.key),
                .init(announcement.bucket), .init(announcement.filename), .init(announcement.contentType),
                .init(announcement.size), .init(announcement.fileHash), .init(announcement.metadata),
                .init(searchText), .init(announcement.options), .text(Hexadecimal.encode(upload.secret)),
                .init(upload.hold),
                .init(upload.status), .init(upload.expiresAt),
            ])
        try transaction.indexText(of: upload.id.rawValue)
        try index(leaves, of: upload)
    }

    /// So that metadata can be searched and filtered without reading every upload.
    private func index(_ leaves: [MetadataLeaf], of upload: BucketUpload) throws(DatabaseError) {
        for leaf in leaves {
            try transaction.execute(
                """
                INSERT INTO bucket_upload_metadata (organization, bucket, path, kind, text, number, upload_id)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING
                """,
                [
                    .init(upload.organization), .init(upload.announcement.bucket), .init(leaf.path),
                    .init(leaf.kind), .init(leaf.text), leaf.number.map(SQLValue.real) ?? .null, .init(upload.id),
                ])
        }
    }

    package func find(_ id: UploadID) throws(DatabaseError) -> BucketUpload? {
        try transaction.first(
            "SELECT \(Self.columns) FROM bucket_uploads b WHERE b.id = ?1", [.init(id)], Self.decode)
    }

    package func find(
        _ organization: InternalID, bucket: String, id: UploadID
    ) throws(DatabaseError) -> BucketUpload? {
        try transaction.first(
            """
            SELECT \(Self.columns) FROM bucket_uploads b WHERE b.id = ?1 AND b.organization = ?2 AND b.bucket = ?3
            """, [.init(id), .init(organization), .init(bucket)], Self.decode)
    }

    /// Notes that the bytes arrived whole. A URL that is about to expire leaves until `expiresAt` for the
    /// confirmation.
    /// - Returns: false where the upload is over, or has its bytes already.
    package func receive(
        _ id: UploadID, _ content: ReceivedContent, hold: HoldID?, expiresAt: Timestamp
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET received_size = ?2, size = ?2, received_hash = ?3, received_at = ?4,
            expires_at = CASE WHEN expires_at > ?5 THEN expires_at ELSE ?5 END, hold_id = COALESCE(?6, hold_id) WHERE id = ?1 AND status = 'PENDING' AND received_hash IS NULL
            """,
            [
                .init(id), .init(content.size), .init(content.sha256), .init(content.at), .init(expiresAt), .init(hold),
            ]) == 1
    }

    /// Claims an upload for one confirmation: of two, one gets it.
    /// - Parameter node: confirms it, so that it is given back when that starts anew.
    package func claim(_ id: UploadID, node: String, task: TaskID?) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = 'PROCESSING', node = ?2, task_id = ?3
            WHERE id = ?1 AND status = 'PENDING' AND received_hash IS NOT NULL
            """, [.init(id), .init(node), .init(task)]) == 1
    }

    /// Gives a claimed upload back, to be confirmed again later.
    package func giveBack(_ id: UploadID, expiresAt: Timestamp) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = 'PENDING', node = NULL,
            expires_at = CASE WHEN expires_at > ?2 THEN expires_at ELSE ?2 END
            WHERE id = ?1 AND status = 'PROCESSING'
            """, [.init(id), .init(expiresAt)])
    }

    /// Gives back what a node was confirming when it stopped.
    /// - Returns: how many.
    package func giveBackAll(ofNode node: String) throws(DatabaseError) -> Int {
        try transaction.execute(
            "UPDATE bucket_uploads SET status = 'PENDING', node = NULL WHERE node = ?1 AND status = 'PROCESSING'",
            [.init(node)])
    }

    /// Ends a claimed upload, in the transaction that enters it into the books.
    /// - Returns: false where it was not claimed.
    package func finish(
        _ id: UploadID, _ status: BucketUploadStatus, message: String?, now: Timestamp
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = ?2, message = ?3, completed_at = ?4, hold_id = NULL, node = NULL
            WHERE id = ?1 AND status = 'PROCESSING'
            """,
            [.init(id), .init(status), .init(message), status == .completed ? .init(now) : .null]) == 1
    }

    /// Ends an upload that is not confirmed.
    /// - Returns: false where it is over, or being confirmed.
    package func abort(
        _ id: UploadID, _ status: BucketUploadStatus, message: String
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = ?2, message = ?3, hold_id = NULL
            WHERE id = ?1 AND status = 'PENDING'
            """, [.init(id), .init(status), .init(message)]) == 1
    }

    /// Follows the deletion of a completed upload's content.
    package func noteDeleted(_ id: UploadID) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = 'CANCELED', message = 'The upload was deleted.'
            WHERE id = ?1 AND status = 'COMPLETED'
            """, [.init(id)])
    }

    /// Follows the release of an upload that was rejected.
    package func noteReleased(_ id: UploadID, now: Timestamp) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET status = 'COMPLETED', message = NULL, completed_at = ?2
            WHERE id = ?1 AND status = 'FAILED'
            """, [.init(id), .init(now)])
    }

    /// Uploads that were not confirmed in time, or whose organization was deleted, the oldest first.
    package func overdue(now: Timestamp, limit: Int = 1_000) throws(DatabaseError) -> [BucketUpload] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM bucket_uploads b WHERE b.status = 'PENDING' AND (b.expires_at <= ?1
            OR b.organization IN (SELECT internal_id FROM organizations WHERE deleted_at IS NOT NULL))
            ORDER BY b.expires_at LIMIT ?2
            """, [.init(now), .init(limit)], Self.decode)
    }

    /// Uploads that wait for their confirmation, with their bytes, in the order of their ids.
    package func received(after id: UploadID?, limit: Int = 1_000) throws(DatabaseError) -> [UploadID] {
        try transaction.query(
            """
            SELECT id FROM bucket_uploads WHERE status = 'PENDING' AND received_hash IS NOT NULL AND id > ?1
            ORDER BY id LIMIT ?2
            """, [.init(id?.rawValue ?? ""), .init(limit)]
        ) { row throws(DatabaseError) in try row.value(UploadID.self) }
    }

    /// Forgets that the bytes of an upload arrived, because they are not there: they have to be sent again.
    package func forgetReceived(_ id: UploadID) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE bucket_uploads SET received_size = NULL, received_hash = NULL, received_at = NULL,
            size = announced_size WHERE id = ?1 AND status = 'PENDING'
            """, [.init(id)])
    }

    /// Whether the bytes of an upload may still be needed.
    package func needsBytes(_ id: UploadID) throws(DatabaseError) -> Bool {
        try transaction.count(
            "SELECT COUNT(*) FROM bucket_uploads WHERE id = ?1 AND status IN ('PENDING', 'PROCESSING')",
            [.init(id)]) == 1
    }
}

extension Transaction {
    package var bucketUploads: BucketUploadStore { BucketUploadStore(self) }
}

extension UploadAnnouncement {
    /// What nobody searches for, in one column.
    fileprivate var options: JSONObject {
        [
            "expiration_seconds": .integer(expirationSeconds), "skip_duplicates": .bool(skipDuplicates),
            "object_metadata": JSONValue(objectMetadata), "create_object_on_confirm": .bool(createObjectOnConfirm),
            "blob_property": JSONValue(blobProperty), "blob_type": JSONValue(blobType),
            "namespace": JSONValue(namespace),
        ]
    }

    fileprivate static func decode(_ row: inout Row) throws(DatabaseError) -> UploadAnnouncement {
        let (bucket, filename, contentType) = (try row.text(), try row.text(), try row.text())
        let size = try row.optionalInteger()
        let fileHash: ContentHash? = try row.optionalValue()
        let (metadata, options) = (try row.object(), try row.object())
        return UploadAnnouncement(
            bucket: bucket, filename: filename, contentType: contentType, size: size,
            expirationSeconds: options["expiration_seconds"]?.integerValue ?? 0, fileHash: fileHash,
            skipDuplicates: options["skip_duplicates"]?.boolValue ?? true, metadata: metadata,
            objectMetadata: options["object_metadata"]?.objectValue,
            createObjectOnConfirm: options["create_object_on_confirm"]?.boolValue ?? true,
            blobProperty: options["blob_property"]?.stringValue, blobType: options["blob_type"]?.stringValue,
            namespace: options["namespace"]?.stringValue)
    }
}

extension Row {
    fileprivate mutating func secret() throws(DatabaseError) -> [UInt8] {
        guard let secret = Hexadecimal.decode(try text()) else { throw .invalidRow("a secret is not hexadecimal") }
        return secret
    }
}
