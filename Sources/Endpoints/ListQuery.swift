package import Database
package import Domain
package import HTTP

/// Reads the parameters of a query string and collects everything that is wrong with them; unknown ones are errors, as
/// in bodies.
package struct ListQuery {
    private var reader: FieldReader

    package init(_ head: RequestHead) throws(Failure) {
        var object = JSONObject()
        var errors: [ValidationError] = []
        for (name, value) in head.query {
            if object[name] != nil {
                errors.append(ValidationError("duplicate", at: ["query", name], "is given twice"))
            }
            object[name] = .string(value)
        }
        guard errors.isEmpty else { throw .validation(errors) }
        reader = FieldReader(object, at: ["query"])
    }

    package mutating func string(_ name: String, length: ClosedRange<Int>) -> String? {
        reader.string(name, length: length)
    }

    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type
    ) -> Value? where Value.RawValue == String {
        reader.choice(name, of: type)
    }

    package mutating func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let text = reader.value(name)?.stringValue else { return nil }
        // As JSON writes it: neither `+5` nor `007`.
        guard let number = Int(text), String(number) == text, range.contains(number) else {
            reader.reject(
                name, "integer_parsing", "is not a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    package mutating func bool(_ name: String) -> Bool? {
        guard let text = reader.value(name)?.stringValue else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            reader.reject(name, "bool_parsing", "is not true or false")
            return nil
        }
    }

    /// A moment with its zone, or a day, which stands for its beginning (UTC).
    package mutating func timestamp(_ name: String) -> Timestamp? {
        guard let text = reader.value(name)?.stringValue else { return nil }
        guard let moment = Timestamp(iso8601: text) ?? Timestamp(iso8601: text + "T00:00:00Z") else {
            reader.reject(name, "datetime", "is not a time of the form 2026-01-31T00:00:00Z or a day")
            return nil
        }
        return moment
    }

    /// The parameter `cursor`: where the page before this one ended.
    package mutating func cursor() -> PageCursor? {
        guard let text = string("cursor", length: 1...100) else { return nil }
        let cursor = PageCursor(encoded: text)
        if cursor == nil { reject("cursor", "cursor", "is not a cursor that a page named as next_cursor") }
        return cursor
    }

    package mutating func reject(_ name: String, _ type: String, _ message: String) {
        reader.reject(name, type, message)
    }

    package mutating func finish() throws(Failure) { try reader.finish() }
}
