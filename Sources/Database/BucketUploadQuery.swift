package import Domain

/// Which uploads of a bucket a list shows, in which order.
package struct BucketUploadQuery: Sendable {
    package var organization: InternalID
    package var bucket: String
    package var condition: BucketUploadCondition?
    /// A part of the file's name or of a metadata value, in whatever case.
    package var search: String?
    package var order: Order

    package struct Order: Hashable, Sendable {
        package var field: BucketUploadField
        package var isDescending: Bool

        package init(_ field: BucketUploadField, isDescending: Bool) {
            self.field = field
            self.isDescending = isDescending
        }
    }

    package init(
        organization: InternalID, bucket: String, condition: BucketUploadCondition? = nil, search: String? = nil,
        order: Order = Order(.createdAt, isDescending: true)
    ) {
        self.organization = organization
        self.bucket = bucket
        self.condition = condition
        self.search = search
        self.order = order
    }
}

/// What an upload of a bucket can be found and ordered by.
package enum BucketUploadField: Hashable, Sendable {
    case uploadID
    case status
    case filename
    case contentType
    case size
    case fileHash
    case createdAt
    case expiresAt
    case completedAt
    /// Names joined by dots.
    case metadata(String)

    var column: String? {
        switch self {
        case .uploadID: "b.id"
        case .status: "b.status"
        case .filename: "b.filename"
        case .contentType: "b.content_type"
        case .size: "b.size"
        // As it is shown: what was received, before that what was announced.
        case .fileHash: "COALESCE(b.received_hash, b.file_hash)"
        case .createdAt: "b.created_at"
        case .expiresAt: "b.expires_at"
        case .completedAt: "b.completed_at"
        case .metadata: nil
        }
    }
}

/// A filter: comparisons of fields, combined.
package indirect enum BucketUploadCondition: Hashable, Sendable {
    case all([BucketUploadCondition])
    case any([BucketUploadCondition])
    case none([BucketUploadCondition])
    case field(BucketUploadField, Comparison)

    package enum Comparison: Hashable, Sendable {
        case equal(SQLValue)
        case notEqual(SQLValue)
        case less(SQLValue)
        case lessOrEqual(SQLValue)
        case greater(SQLValue)
        case greaterOrEqual(SQLValue)
        case oneOf([SQLValue])
        case noneOf([SQLValue])
        case contains(String, isCaseSensitive: Bool)
        case hasPrefix(String, isCaseSensitive: Bool)
        case hasSuffix(String, isCaseSensitive: Bool)
        case exists(Bool)

        /// The same comparison with another form of its value.
        func mapping(_ form: (SQLValue) -> SQLValue) -> Comparison {
            switch self {
            case .equal(let value): .equal(form(value))
            case .notEqual(let value): .notEqual(form(value))
            case .less(let value): .less(form(value))
            case .lessOrEqual(let value): .lessOrEqual(form(value))
            case .greater(let value): .greater(form(value))
            case .greaterOrEqual(let value): .greaterOrEqual(form(value))
            case .oneOf(let values): .oneOf(values.map(form))
            case .noneOf(let values): .noneOf(values.map(form))
            case .contains, .hasPrefix, .hasSuffix, .exists: self
            }
        }
    }

    /// Whether it only holds for rows that the index of the metadata names.
    var isNarrow: Bool {
        switch self {
        case .all(let parts): return parts.contains(where: \.isNarrow)
        case .any(let parts): return !parts.isEmpty && parts.allSatisfy(\.isNarrow)
        case .none: return false
        case .field(.metadata, let comparison):
            switch comparison {
            case .notEqual, .noneOf, .exists(false): return false
            default: return true
            }
        case .field: return false
        }
    }

    /// The statuses that it lets through, where it looks at nothing else.
    var statuses: Set<String>? {
        switch self {
        case .field(.status, .equal(.text(let status))): return [status]
        case .field(.status, .oneOf(let values)):
            return Set(
                values.compactMap {
                    guard case .text(let status) = $0 else { return nil }
                    return status
                })
        case .all(let parts):
            var left: Set<String>?
            for part in parts {
                guard let statuses = part.statuses else { return nil }
                left = left?.intersection(statuses) ?? statuses
            }
            return left
        default: return nil
        }
    }
}

/// What the uploads of a list are together.
package struct BucketUploadCounts: Hashable, Sendable {
    package var uploads: [BucketUploadStatus: Int64]
    package var bytes: Int64

    package init(uploads: [BucketUploadStatus: Int64], bytes: Int64) {
        self.uploads = uploads
        self.bytes = bytes
    }

    package var total: Int64 { uploads.values.reduce(0, +) }
}
