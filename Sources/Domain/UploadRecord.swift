/// The life of an upload record.
package enum UploadStatus: String, CaseIterable, Sendable {
    case completed = "COMPLETED"
    case rejected = "REJECTED"
    case quarantined = "QUARANTINED"
    /// A tombstone: the content is gone.
    case deleted = "DELETED"
}

/// One upload as it is kept: accepted ones with content, rejected ones for audit and usage only.
package struct UploadRecord: Hashable, Sendable {
    package let id: UploadID
    package let organization: InternalID
    package var bucket: String
    package var filename: String
    /// As the client declared it; the gate goes by `mediaType`.
    package var declaredContentType: String
    /// By content.
    package var mediaType: MediaType
    package var size: Int64
    package var sha256: ContentHash
    package var status: UploadStatus
    package var scanState: ScanState
    package var metadata: JSONObject
    /// What was charged; 0 for a rejected upload.
    package var credits: Int64
    package var receipt: DecisionReceipt
    package var key: KeyID
    package let createdAt: Timestamp
    package var deletedAt: Timestamp?

    package init(
        id: UploadID, organization: InternalID, bucket: String, filename: String, declaredContentType: String,
        mediaType: MediaType, size: Int64, sha256: ContentHash, status: UploadStatus, scanState: ScanState,
        metadata: JSONObject, credits: Int64, receipt: DecisionReceipt, key: KeyID, createdAt: Timestamp,
        deletedAt: Timestamp? = nil
    ) {
        self.id = id
        self.organization = organization
        self.bucket = bucket
        self.filename = filename
        self.declaredContentType = declaredContentType
        self.mediaType = mediaType
        self.size = size
        self.sha256 = sha256
        self.status = status
        self.scanState = scanState
        self.metadata = metadata
        self.credits = credits
        self.receipt = receipt
        self.key = key
        self.createdAt = createdAt
        self.deletedAt = deletedAt
    }
}
