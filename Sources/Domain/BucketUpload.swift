/// The life of an upload that is announced first, then sent to a signed URL, then confirmed.
package enum BucketUploadStatus: String, CaseIterable, Sendable {
    /// Its URL was given out; its bytes may be there, in part or whole.
    case pending = "PENDING"
    /// It is being confirmed, or waits for its turn.
    case processing = "PROCESSING"
    case completed = "COMPLETED"
    /// Rejected, expired, or not what was announced.
    case failed = "FAILED"
    /// Deleted, before or after its confirmation.
    case canceled = "CANCELED"
}

/// An upload that a client announced, as the SDK's `UploadResponse` shows it.
package struct BucketUpload: Hashable, Sendable {
    package let id: UploadID
    package let organization: InternalID
    package let createdAt: Timestamp
    package let key: KeyID
    package var announcement: UploadAnnouncement
    /// Signs the upload's URLs; it is known to nobody else, and worth nothing once the upload is over.
    package var secret: [UInt8]
    /// Reserves what the file will cost; nil once the upload is over.
    package var hold: HoldID?
    package var status: BucketUploadStatus
    /// Why it failed, for people.
    package var message: String?
    /// Until then the bytes may be sent; what is not confirmed by then has failed.
    package var expiresAt: Timestamp
    /// What was received, once it is whole.
    package var received: ReceivedContent?
    package var completedAt: Timestamp?
    package var task: TaskID?

    package init(
        id: UploadID, organization: InternalID, createdAt: Timestamp, key: KeyID, announcement: UploadAnnouncement,
        secret: [UInt8], hold: HoldID?, status: BucketUploadStatus = .pending, message: String? = nil,
        expiresAt: Timestamp, received: ReceivedContent? = nil, completedAt: Timestamp? = nil, task: TaskID? = nil
    ) {
        self.id = id
        self.organization = organization
        self.createdAt = createdAt
        self.key = key
        self.announcement = announcement
        self.secret = secret
        self.hold = hold
        self.status = status
        self.message = message
        self.expiresAt = expiresAt
        self.received = received
        self.completedAt = completedAt
        self.task = task
    }

    /// Bytes: as received, before that as announced.
    package var size: Int64? { received?.size ?? announcement.size }
}

/// A body that arrived whole.
package struct ReceivedContent: Hashable, Sendable {
    /// Bytes.
    package var size: Int64
    package var sha256: ContentHash
    package var at: Timestamp

    package init(size: Int64, sha256: ContentHash, at: Timestamp) {
        self.size = size
        self.sha256 = sha256
        self.at = at
    }
}
