package import Domain

/// A value that a statement takes or gives.
package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(nilLiteral: ()) { self = .null }

    package init(_ value: String) { self = .text(value) }
    package init(_ value: String?) { self = value.map(SQLValue.text) ?? .null }
    package init(_ value: Int) { self = .integer(Int64(value)) }
    package init(_ value: Int?) { self = value.map { .integer(Int64($0)) } ?? .null }
    package init(_ value: Int64) { self = .integer(value) }
    package init(_ value: Int64?) { self = value.map(SQLValue.integer) ?? .null }
    /// 1 or 0.
    package init(_ value: Bool) { self = .integer(value ? 1 : 0) }
    /// Milliseconds since the epoch.
    package init(_ value: Timestamp) { self = .integer(value.milliseconds) }
    package init(_ value: Timestamp?) { self = value.map { .integer($0.milliseconds) } ?? .null }
    package init(_ value: some RawRepresentable<String>) { self = .text(value.rawValue) }
    package init<Value: RawRepresentable<String>>(_ value: Value?) { self = .init(value?.rawValue) }
    /// JSON text.
    package init(_ value: JSONObject) { self = .text(JSONValue.object(value).encoded) }
    package init(_ value: JSONObject?) { self = .init(value.map { JSONValue.object($0).encoded }) }
}
