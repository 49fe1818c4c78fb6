/// A JSON value. Objects keep the order of their members, so that an answer reads as it was written.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object, in order, each name once.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral, Sequence {
    package typealias Member = (name: String, value: JSONValue)
    private var names: [String]
    private var values: [ExactString: JSONValue]

    package init() {
        names = []
        values = [:]
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init()
        for (name, value) in elements { self[name] = value }
    }

    package var count: Int { names.count }
    package var isEmpty: Bool { names.isEmpty }
    package var keys: [String] { names }

    /// The member's value, nil where it is absent. Setting nil removes the member.
    package subscript(name: String) -> JSONValue? {
        get { values[ExactString(name)] }
        set {
            if let newValue {
                if values.updateValue(newValue, forKey: ExactString(name)) == nil { names.append(name) }
            } else if values.removeValue(forKey: ExactString(name)) != nil {
                names.removeAll { ExactString($0) == ExactString(name) }
            }
        }
    }

    package func makeIterator() -> AnyIterator<Member> {
        var index = 0
        return AnyIterator {
            guard index < names.count, let value = values[ExactString(names[index])] else { return nil }
            defer { index += 1 }
            return (names[index], value)
        }
    }

    /// Two objects are equal when they have the same members, in whatever order.
    package static func == (left: JSONObject, right: JSONObject) -> Bool { left.values == right.values }
    package func hash(into hasher: inout Hasher) { hasher.combine(values) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }

    package init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
    package init(_ value: Int64?) { self = value.map(JSONValue.integer) ?? .null }
    package init(_ value: Int?) { self = value.map { .integer(Int64($0)) } ?? .null }
    package init(_ value: Bool?) { self = value.map(JSONValue.bool) ?? .null }
    package init(_ value: Double?) { self = value.map(JSONValue.number) ?? .null }
    package init(_ value: Timestamp?) { self = value.map { .string($0.iso8601) } ?? .null }
    package init(_ value: JSONObject?) { self = value.map(JSONValue.object) ?? .null }

    package var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }
    package var integerValue: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }
    package var boolValue: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }
    package var arrayValue: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }
    package var objectValue: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }
    /// An integer or a number with a fraction.
    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// What kind of value this is, in JSON's own words, for error messages.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
