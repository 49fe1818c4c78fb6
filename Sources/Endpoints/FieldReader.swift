package import Domain

/// Reads the fields of a request's JSON object and collects everything that is wrong with them, so that one answer
/// names all of it and nothing is changed by a request that is only partly right.
///
/// A field that is absent or null reads as nil. Every field that is not asked for is an error: a key that would
/// silently do nothing is a mistake that its sender wants to hear of.
package struct FieldReader {
    private let object: JSONObject
    private let location: [String]
    private var asked: Set<ExactString> = []
    /// The first errors, as many as an answer lists.
    package private(set) var errors: [ValidationError] = []
    private var unlisted = 0

    package init(_ object: JSONObject, at location: [String] = ["body"]) {
        self.object = object
        self.location = location
    }

    /// Ends the reading.
    ///
    /// - Throws: `validation_error` with the errors found, unknown fields among them.
    package mutating func finish() throws(Failure) {
        for name in object.keys where !asked.contains(ExactString(name)) {
            reject(name, "unknown_field", "this field is unknown or cannot be set here")
        }
        guard errors.isEmpty else { throw .validation(errors, unlisted: unlisted) }
    }

    package mutating func reject(_ name: String, _ type: String, _ message: String) {
        guard errors.count < ValidationError.maximumListed else {
            unlisted += 1
            return
        }
        errors.append(ValidationError(type, at: location + [name], message))
    }

    /// Takes over what a reader of a nested object found.
    package mutating func absorb(_ nested: FieldReader) {
        var nested = nested
        do throws(Failure) { try nested.finish() } catch {
            let room = ValidationError.maximumListed - errors.count
            errors += nested.errors.prefix(room)
            unlisted += nested.unlisted + max(0, nested.errors.count - room)
        }
    }

    /// The raw value; nil where absent or null.
    package mutating func value(_ name: String) -> JSONValue? {
        asked.insert(ExactString(name))
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    /// Whether the field is there, be it null.
    package func has(_ name: String) -> Bool { object[name] != nil }

    /// Notes an error where the field is absent or null.
    package mutating func require(_ name: String) {
        if object[name] == nil || object[name] == .null { reject(name, "missing", "this field is required") }
    }

    /// Text of `length` characters (Unicode scalars), whatever they are.
    package mutating func anyText(_ name: String, length: ClosedRange<Int>) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { return mismatch(name, "string_type", "a string", value) }
        let count = text.unicodeScalars.count
        guard length.contains(count) else {
            reject(
                name, "string_length",
                "has \(count) characters; \(length.lowerBound) to \(length.upperBound) are accepted")
            return nil
        }
        return text
    }

    /// Refuses a field of the official API that would have no effect here; null and an empty list say nothing.
    package mutating func unsupported(_ name: String, _ reason: String) {
        guard let value = value(name), value.arrayValue?.isEmpty != true else { return }
        reject(name, "not_supported", reason)
    }

    /// A reader for the fields of a nested object; nil where absent, null or no object (which is noted as an error).
    package mutating func nested(_ name: String) -> FieldReader? {
        object(name).map { FieldReader($0, at: location + [name]) }
    }

    package mutating func bool(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let bool = value.boolValue else { return mismatch(name, "bool_type", "true or false", value) }
        return bool
    }

    package mutating func integer(_ name: String, _ range: ClosedRange<Int64>) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let integer = value.wholeNumber else { return mismatch(name, "integer_type", "an integer", value) }
        guard range.contains(integer) else {
            reject(name, "out_of_range", "\(integer) is not in \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    /// Text of `length` characters (Unicode scalars), without control characters.
    package mutating func string(_ name: String, length: ClosedRange<Int>) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { return mismatch(name, "string_type", "a string", value) }
        let count = text.unicodeScalars.count
        guard length.contains(count) else {
            let type = count < length.lowerBound ? "string_too_short" : "string_too_long"
            reject(name, type, "has \(count) characters; \(length.lowerBound) to \(length.upperBound) are accepted")
            return nil
        }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            reject(name, "control_character", "contains a control character")
            return nil
        }
        return text
    }

    /// A name that people read: as `string`, and not blank, and without anything that is not seen or that turns the
    /// direction of text.
    package mutating func displayName(_ name: String, length: ClosedRange<Int>) -> String? {
        string(name, length: length).flatMap { checked($0, name, NameRules.problem(inDisplayName:)) }
    }

    /// A name that URLs carry, too: as `displayName`, and not of blanks and dots alone.
    package mutating func pathName(_ name: String, length: ClosedRange<Int>) -> String? {
        string(name, length: length).flatMap { checked($0, name, NameRules.problem(inPathName:)) }
    }

    private mutating func checked(_ text: String, _ name: String, _ problem: (String) -> String?) -> String? {
        guard let problem = problem(text) else { return text }
        reject(name, "name", problem)
        return nil
    }

    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type
    ) -> Value? where Value.RawValue == String {
        guard let value = value(name) else { return nil }
        guard let choice = value.stringValue.flatMap(Value.init(rawValue:)) else {
            let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
            reject(name, "enum", "\(value.encoded.clipped(to: 80)) is not one of \(choices)")
            return nil
        }
        return choice
    }

    package mutating func object(_ name: String) -> JSONObject? {
        guard let value = value(name) else { return nil }
        guard let object = value.objectValue else { return mismatch(name, "object_type", "an object", value) }
        return object
    }

    /// A JSON object whose text has at most `maximumBytes` bytes.
    package mutating func object(_ name: String, maximumBytes: Int) -> JSONObject? {
        guard let object = object(name) else { return nil }
        let size = JSONValue.object(object).encoded.utf8.count
        guard size <= maximumBytes else {
            reject(name, "too_large", "has \(size) bytes as JSON; at most \(maximumBytes) are accepted")
            return nil
        }
        return object
    }

    package mutating func array(_ name: String, maximumCount: Int) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let array = value.arrayValue else { return mismatch(name, "array_type", "an array", value) }
        guard array.count <= maximumCount else {
            reject(name, "too_long", "has \(array.count) elements; at most \(maximumCount) are accepted")
            return nil
        }
        return array
    }

    private mutating func mismatch<Value>(
        _ name: String, _ type: String, _ expected: String, _ value: JSONValue
    ) -> Value? {
        reject(name, type, "is \(value.kindName); expected \(expected)")
        return nil
    }
}

extension JSONValue {
    /// A whole number, be it written as `5` or as `5.0`: JSON knows no difference (RFC 8259, section 6).
    fileprivate var wholeNumber: Int64? {
        guard case .number(let value) = self else { return integerValue }
        // Beyond 2^53 a number with a fraction does not tell which whole one it stands for.
        return value.magnitude <= 9_007_199_254_740_991 ? Int64(exactly: value) : nil
    }
}
