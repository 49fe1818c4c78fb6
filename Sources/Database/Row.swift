package import Domain
internal import JSON

/// One row of a result, read column by column from the left: a decoder names its columns once, in the statement, and
/// takes them in that order.
package struct Row {
    private let values: [SQLValue]
    private var index = 0

    package init(values: [SQLValue]) { self.values = values }

    /// What the first column holds, to name a row that cannot be decoded.
    package var firstColumn: String {
        switch values.first {
        case .text(let text)?: text
        case .integer(let number)?: String(number)
        case let other?: "\(other)"
        case nil: "(none)"
        }
    }

    private mutating func next() throws(DatabaseError) -> SQLValue {
        guard index < values.count else { throw .misuse("a row of \(values.count) columns was read beyond its end") }
        defer { index += 1 }
        return values[index]
    }

    private func mismatch(_ value: SQLValue, expected: String) -> DatabaseError {
        .invalidRow("column \(index) of \(values.count) holds \(value), expected \(expected)")
    }

    package mutating func optionalText() throws(DatabaseError) -> String? {
        switch try next() {
        case .null: return nil
        case .text(let text): return text
        case let value: throw mismatch(value, expected: "text")
        }
    }

    package mutating func text() throws(DatabaseError) -> String {
        guard let text = try optionalText() else { throw mismatch(.null, expected: "text") }
        return text
    }

    package mutating func optionalInteger() throws(DatabaseError) -> Int64? {
        switch try next() {
        case .null: return nil
        case .integer(let integer): return integer
        case let value: throw mismatch(value, expected: "an integer")
        }
    }

    package mutating func integer() throws(DatabaseError) -> Int64 {
        guard let integer = try optionalInteger() else { throw mismatch(.null, expected: "an integer") }
        return integer
    }

    package mutating func optionalReal() throws(DatabaseError) -> Double? {
        switch try next() {
        case .null: return nil
        case .real(let number): return number
        case let value: throw mismatch(value, expected: "a real number")
        }
    }

    package mutating func bytes() throws(DatabaseError) -> [UInt8] {
        switch try next() {
        case .blob(let bytes): return bytes
        case let value: throw mismatch(value, expected: "bytes")
        }
    }

    package mutating func int() throws(DatabaseError) -> Int { Int(try integer()) }
    package mutating func bool() throws(DatabaseError) -> Bool { try integer() != 0 }
    package mutating func timestamp() throws(DatabaseError) -> Timestamp { .init(milliseconds: try integer()) }
    package mutating func optionalTimestamp() throws(DatabaseError) -> Timestamp? {
        try optionalInteger().map { Timestamp(milliseconds: $0) }
    }

    /// A value that is stored as its raw text: an identifier or an enumeration.
    package mutating func value<Value: RawRepresentable<String>>(
        _ type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        let text = try text()
        guard let value = Value(rawValue: text) else { throw mismatch(.text(text), expected: "\(Value.self)") }
        return value
    }

    package mutating func optionalValue<Value: RawRepresentable<String>>(
        _ type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value? {
        guard let text = try optionalText() else { return nil }
        guard let value = Value(rawValue: text) else { throw mismatch(.text(text), expected: "\(Value.self)") }
        return value
    }

    /// A JSON object that is stored as text.
    package mutating func object() throws(DatabaseError) -> JSONObject {
        guard let object = try optionalObject() else { throw mismatch(.null, expected: "a JSON object") }
        return object
    }

    package mutating func optionalObject() throws(DatabaseError) -> JSONObject? {
        guard let text = try optionalText() else { return nil }
        // Most of these columns are empty objects, and every request reads several.
        if text == "{}" { return [:] }
        do {
            // What is stored was within the limits of a request's body, and may be a level deeper inside ours.
            if let object = try JSONParser.parse(Array(text.utf8), maximumBytes: 8_388_608, maximumDepth: 64)
                .objectValue
            {
                return object
            }
        } catch {
            throw .invalidRow("column \(index) of \(values.count) holds no JSON: \(error.message)")
        }
        throw mismatch(.text(text), expected: "a JSON object")
    }
}
