/// Work that goes on after its request was answered: `task_` + 16 characters.
package struct TaskID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// How such work stands.
package enum TaskStatus: String, CaseIterable, Sendable {
    case pending = "PENDING"
    case inProgress = "IN_PROGRESS"
    case completed = "COMPLETED"
    case completedWithErrors = "COMPLETED_WITH_ERRORS"
    case failed = "FAILED"

    package var isOver: Bool { self != .pending && self != .inProgress }
}

package enum TaskType: String, CaseIterable, Sendable {
    case confirm = "api_buckets_uploads_confirm"
    case confirmBatch = "api_buckets_uploads_batch_confirm"
}

/// Confirmations that go on after their request was answered.
package struct ConfirmationTask: Hashable, Sendable {
    package let id: TaskID
    package let organization: InternalID
    package let type: TaskType
    package let bucket: String
    package let key: KeyID
    package let requestID: String
    package let createdAt: Timestamp
    package var status: TaskStatus
    /// One object per confirmation: `upload_id`, and what its client says of the content.
    package var inputs: [JSONObject]
    /// One object per confirmation, once all have been tried.
    package var outputs: [JSONObject]?

    package init(
        id: TaskID, organization: InternalID, type: TaskType, bucket: String, key: KeyID, requestID: String,
        createdAt: Timestamp, status: TaskStatus, inputs: [JSONObject], outputs: [JSONObject]? = nil
    ) {
        self.id = id
        self.organization = organization
        self.type = type
        self.bucket = bucket
        self.key = key
        self.requestID = requestID
        self.createdAt = createdAt
        self.status = status
        self.inputs = inputs
        self.outputs = outputs
    }
}
