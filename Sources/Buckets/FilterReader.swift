import Database
import Domain

/// Reads the filters of a list: the SDK's `LogicalOperatorInput`, in its long form
/// (`{"AND": [{"field", "operator", "value"}]}`) and its short one (`{"status": "PENDING"}`).
struct FilterReader {
    static let maximumConditions = 100
    static let maximumDepth = 8
    /// In all lists of values together.
    static let maximumValues = FilterField.maximumValues

    private(set) var errors: [ValidationError] = []
    private var count = 0
    private var valueCount = 0
    private var isCaseSensitive = false

    mutating func read(_ object: JSONObject, at location: [String]) -> BucketUploadCondition {
        group(object, at: location, depth: 1)
    }

    /// It holds for what stands beside it and below.
    private mutating func readCase(_ object: JSONObject, at location: [String]) {
        guard let value = object["case_sensitive"], value != .null else { return }
        if let flag = value.boolValue {
            isCaseSensitive = flag
        } else {
            reject(location + ["case_sensitive"], "bool_type", "is \(value.kindName); expected true or false")
        }
    }

    private mutating func group(_ object: JSONObject, at location: [String], depth: Int) -> BucketUploadCondition {
        guard depth <= Self.maximumDepth else {
            reject(location, "too_deep", "is nested more than \(Self.maximumDepth) levels deep")
            return .all([])
        }
        guard isWithinCount(location) else { return .all([]) }
        let outer = isCaseSensitive
        defer { isCaseSensitive = outer }
        readCase(object, at: location)
        var parts: [BucketUploadCondition] = []
        for (name, value) in object {
            // A member that is null is not there, but a value in the metadata may be null.
            if value == .null, !name.hasPrefix("metadata.") { continue }
            let place = location + [name]
            switch name {
            case "case_sensitive": continue
            case "AND": parts.append(.all(list(value, at: place, depth: depth)))
            case "OR": parts.append(.any(list(value, at: place, depth: depth)))
            case "NOT": parts.append(.none(list(value, at: place, depth: depth)))
            default:
                let isList = value.arrayValue != nil
                if let part = comparison(name, isList ? "in" : "eq", value, at: place) { parts.append(part) }
            }
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func list(_ value: JSONValue, at location: [String], depth: Int) -> [BucketUploadCondition] {
        guard let elements = value.arrayValue else {
            reject(location, "array_type", "is \(value.kindName); expected an array")
            return []
        }
        var parts: [BucketUploadCondition] = []
        for (index, element) in elements.enumerated() {
            let place = location + [String(index)]
            guard let object = element.objectValue else {
                reject(place, "object_type", "is \(element.kindName); expected an object")
                continue
            }
            if object["field"] != nil {
                if let part = condition(object, at: place) { parts.append(part) }
            } else {
                parts.append(group(object, at: place, depth: depth + 1))
            }
        }
        return parts
    }

    private mutating func condition(_ object: JSONObject, at location: [String]) -> BucketUploadCondition? {
        for name in object.keys where !["field", "operator", "value", "case_sensitive"].contains(name) {
            reject(location + [name], "unknown_field", "this field is unknown; expected field, operator and value")
        }
        let outer = isCaseSensitive
        defer { isCaseSensitive = outer }
        readCase(object, at: location)
        guard let field = object["field"]?.stringValue else {
            reject(location + ["field"], "string_type", "is not a string")
            return nil
        }
        var operation = "eq"
        if let given = object["operator"], given != .null {
            guard let text = given.stringValue else {
                reject(location + ["operator"], "string_type", "is \(given.kindName); expected a string")
                return nil
            }
            operation = text
        }
        return comparison(field, operation, object["value"] ?? .null, at: location)
    }

    private mutating func comparison(
        _ name: String, _ operation: String, _ value: JSONValue, at location: [String]
    ) -> BucketUploadCondition? {
        guard isWithinCount(location) else { return nil }
        valueCount += value.arrayValue?.count ?? 0
        guard valueCount <= Self.maximumValues else {
            reject(location, "too_many", "the lists of the filter have more than \(Self.maximumValues) values together")
            return nil
        }
        guard let field = FilterField(name) else {
            reject(location, "field", "\"\(name.prefix(100))\" is not one of \(FilterField.list)")
            return nil
        }
        switch field.comparison(operation, value, isCaseSensitive: isCaseSensitive) {
        case .success(let comparison): return .field(field.field, comparison)
        case .failure(let problem):
            reject(location, problem.type, problem.message)
            return nil
        }
    }

    /// Counts a condition, or a group of them.
    private mutating func isWithinCount(_ location: [String]) -> Bool {
        count += 1
        if count == Self.maximumConditions + 1 {
            reject(location, "too_many", "the filter has more than \(Self.maximumConditions) conditions and groups")
        }
        return count <= Self.maximumConditions
    }

    private mutating func reject(_ location: [String], _ type: String, _ message: String) {
        // A list of a thousand mistakes helps nobody.
        if errors.count < 20 { errors.append(ValidationError(type, at: location, message)) }
    }
}
