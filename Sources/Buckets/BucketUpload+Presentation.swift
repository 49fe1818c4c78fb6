import Domain

/// An upload of a bucket as the SDK's `UploadResponse` shows it.
struct BucketUploadView {
    let upload: BucketUpload
    let organization: OrganizationID
    /// What the gate decided, where it did.
    var record: UploadRecord?
    /// For sending in the answer to a creation, for reading elsewhere; nil where there is none.
    var url: String?
    var isDuplicate = false
    /// Replaces the upload's own.
    var message: String?
    /// Why an item of a batch has failed, as an error's envelope says it.
    var error: JSONValue?

    init(_ upload: BucketUpload, of organization: OrganizationID) {
        self.upload = upload
        self.organization = organization
    }

    var json: JSONValue {
        let announcement = upload.announcement
        var object: JSONObject = [
            "upload_id": .string(upload.id.rawValue), "bucket_id": .string(announcement.bucket),
            "filename": .string(announcement.filename), "content_type": .string(announcement.contentType),
            "file_size_bytes": JSONValue(upload.size), "presigned_url": JSONValue(url),
            "presigned_url_expiration": .integer(announcement.expirationSeconds),
            "s3_key": .string(
                "\(organization.rawValue)/\(announcement.bucket)/\(upload.id.rawValue)/\(announcement.filename)"),
            "status": .string(upload.status.rawValue), "metadata": .object(announcement.metadata),
            "create_object_on_confirm": .bool(announcement.createObjectOnConfirm),
            "object_metadata": JSONValue(announcement.objectMetadata),
            "blob_property": JSONValue(announcement.blobProperty), "blob_type": JSONValue(announcement.blobType),
            "file_hash": JSONValue((upload.received?.sha256 ?? announcement.fileHash)?.rawValue),
            "skip_duplicates": .bool(announcement.skipDuplicates), "is_duplicate": .bool(isDuplicate),
            "duplicate_of_upload_id": isDuplicate ? .string(upload.id.rawValue) : .null,
            "skipped_unique_key": false, "existing_object_id": nil,
            "message": JSONValue(message ?? upload.message ?? quarantineMessage),
            "created_at": JSONValue(upload.createdAt), "expires_at": JSONValue(upload.expiresAt),
            "completed_at": JSONValue(upload.completedAt), "verified_at": JSONValue(upload.received?.at),
            "etag": JSONValue(upload.received.map { Self.etag($0.sha256) }), "object_id": nil,
            "task_id": JSONValue(upload.task?.rawValue),
        ]
        if let namespace = announcement.namespace { object["namespace_id"] = .string(namespace) }
        if let error { object["error"] = error }
        return .object(object)
    }

    /// Without a signed URL the content is out of reach, whatever the upload's status says.
    private var quarantineMessage: String? {
        record?.status == .quarantined ? "The upload was quarantined and is not served." : nil
    }

    /// As it stands in the header field.
    static func etag(_ sha256: ContentHash) -> String { "\"\(sha256.rawValue)\"" }
}

extension BucketUpload {
    /// An upload that was posted whole, shown as if it had been announced.
    init(posted record: UploadRecord) {
        let isDeleted = record.status == .deleted
        let status: BucketUploadStatus =
            switch record.status {
            case .completed, .quarantined: .completed
            case .rejected: .failed
            case .deleted: .canceled
            }
        self.init(
            id: record.id, organization: record.organization, createdAt: record.createdAt, key: record.key,
            announcement: UploadAnnouncement(
                bucket: record.bucket, filename: record.filename, contentType: record.declaredContentType,
                size: record.size, expirationSeconds: 0, fileHash: nil, skipDuplicates: false,
                metadata: record.metadata, objectMetadata: nil, createObjectOnConfirm: false, blobProperty: nil,
                blobType: nil, namespace: nil),
            secret: [], hold: nil, status: status, message: isDeleted ? "The upload was deleted." : nil,
            expiresAt: record.createdAt,
            received: ReceivedContent(size: record.size, sha256: record.sha256, at: record.createdAt),
            completedAt: status == .completed ? record.createdAt : nil)
    }
}
