import Database
import Domain

/// A field that a list can be filtered and ordered by, and the values that it compares with.
struct FilterField: Sendable {
    enum Kind: Sendable {
        case text
        case status
        case integer
        case moment
        /// Text, number or boolean, as the metadata has it.
        case any
    }

    let field: BucketUploadField
    let kind: Kind

    private static let known: [(name: String, field: BucketUploadField, kind: Kind)] = [
        ("upload_id", .uploadID, .text), ("status", .status, .status), ("filename", .filename, .text),
        ("content_type", .contentType, .text), ("file_size_bytes", .size, .integer), ("file_hash", .fileHash, .text),
        ("created_at", .createdAt, .moment), ("expires_at", .expiresAt, .moment),
        ("completed_at", .completedAt, .moment),
    ]

    /// Of a name that is known.
    static let pattern =
        "^(" + known.map(\.name).joined(separator: "|") + #"|metadata\.[^\u0000-\u001f\u007f]+)$"#

    static let list = known.map(\.name).joined(separator: ", ") + ", metadata.NAME"
    static let maximumPathLength = 200

    init?(_ name: String) {
        if let known = Self.known.first(where: { $0.name == name }) {
            (field, kind) = (known.field, known.kind)
        } else if name.hasPrefix("metadata."), name.unicodeScalars.count > 9,
            name.unicodeScalars.count <= Self.maximumPathLength
        {
            (field, kind) = (.metadata(String(name.dropFirst(9))), .any)
        } else {
            return nil
        }
    }

    struct Problem: Error {
        let type: String
        let message: String

        init(_ type: String, _ message: String) {
            self.type = type
            self.message = message
        }
    }

    private static let operations = [
        "eq", "ne", "gt", "lt", "gte", "lte", "in", "nin", "contains", "starts_with", "ends_with", "exists", "is_null",
        "text", "phrase",
    ]
    static let maximumValues = 1_000
    /// The SDK's `TaskStatusEnum`; an upload has few of them.
    private static let statuses = [
        "PENDING", "QUEUED", "IN_PROGRESS", "PROCESSING", "COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELED",
        "INTERRUPTED", "UNKNOWN", "SKIPPED", "DRAFT", "ACTIVE", "ARCHIVED", "SUSPENDED", "DEACTIVATED",
    ]

    func comparison(
        _ operation: String, _ value: JSONValue, isCaseSensitive: Bool
    ) -> Result<BucketUploadCondition.Comparison, Problem> {
        Result { () throws(Problem) in
            switch operation {
            case "eq": return value == .null ? .exists(false) : .equal(try sqlValue(value))
            case "ne": return value == .null ? .exists(true) : .notEqual(try sqlValue(value))
            case "gt": return .greater(try ordered(value))
            case "lt": return .less(try ordered(value))
            case "gte": return .greaterOrEqual(try ordered(value))
            case "lte": return .lessOrEqual(try ordered(value))
            case "in": return .oneOf(try values(value))
            case "nin": return .noneOf(try values(value))
            case "contains", "text", "phrase":
                return .contains(try part(value), isCaseSensitive: isCaseSensitive)
            case "starts_with": return .hasPrefix(try part(value), isCaseSensitive: isCaseSensitive)
            case "ends_with": return .hasSuffix(try part(value), isCaseSensitive: isCaseSensitive)
            case "exists": return .exists(try flag(value))
            case "is_null": return .exists(try !flag(value))
            default:
                throw Problem(
                    "operator",
                    "the operator \"\(operation.prefix(40))\" is not one of "
                        + Self.operations.joined(separator: ", "))
            }
        }
    }

    private func flag(_ value: JSONValue) throws(Problem) -> Bool {
        if value == .null { return true }
        guard let flag = value.boolValue else {
            throw Problem("bool_type", "the value is \(value.kindName); expected true or false")
        }
        return flag
    }

    private func part(_ value: JSONValue) throws(Problem) -> String {
        guard kind == .text || kind == .any else {
            throw Problem("operator", "the operator looks for a part of a text, which this field is not")
        }
        guard let text = value.stringValue, !text.isEmpty else {
            throw Problem("string_type", "the value is \(value.kindName); expected a text that is not empty")
        }
        return text
    }

    private func values(_ value: JSONValue) throws(Problem) -> [SQLValue] {
        guard let elements = value.arrayValue, elements.count <= Self.maximumValues else {
            throw Problem("array_type", "the value is not an array of at most \(Self.maximumValues) elements")
        }
        var values: [SQLValue] = []
        for element in elements { values.append(try sqlValue(element)) }
        return values
    }

    private func ordered(_ value: JSONValue) throws(Problem) -> SQLValue {
        if kind == .any, value.boolValue != nil {
            throw Problem("operator", "true and false have no order")
        }
        return try sqlValue(value)
    }

    private func sqlValue(_ value: JSONValue) throws(Problem) -> SQLValue {
        switch kind {
        case .text:
            guard let text = value.stringValue else { throw mismatch(value, "a string") }
            return .text(text)
        case .status:
            guard let status = value.stringValue, Self.statuses.contains(status) else {
                throw mismatch(value, "one of \(Self.statuses.joined(separator: ", "))")
            }
            return .text(status)
        case .integer:
            guard let number = value.doubleValue else { throw mismatch(value, "a number") }
            return value.integerValue.map(SQLValue.integer) ?? .real(number)
        case .moment:
            if let milliseconds = value.integerValue { return .integer(milliseconds) }
            guard let moment = value.stringValue.flatMap(Timestamp.init(iso8601:)) else {
                throw mismatch(value, "a time of the form 2026-01-31T00:00:00Z")
            }
            return .init(moment)
        case .any:
            if let text = value.stringValue { return .text(text) }
            if let flag = value.boolValue { return .integer(flag ? 1 : 0) }
            guard let number = value.doubleValue else { throw mismatch(value, "a string, a number, true or false") }
            return .real(number)
        }
    }

    private func mismatch(_ value: JSONValue, _ expected: String) -> Problem {
        Problem("value", "the value is \(value.encoded.prefix(80)); expected \(expected)")
    }
}
