/// A header field's value with parameters: `multipart/form-data; boundary=abc`, `form-data; name="file"`.
package struct ParameterizedField: Hashable, Sendable {
    /// What stands before the first semicolon, in lower case.
    package let value: String
    /// By name, in lower case. The values are unquoted.
    package let parameters: [String: String]

    /// Why a value cannot be read.
    struct Problem: Error {
        let text: String
    }

    /// Nil for a malformed value, and where a parameter occurs twice.
    package init?(_ text: String) {
        do throws(Problem) {
            try self.init(reading: text)
        } catch {
            return nil
        }
    }

    init(reading text: String) throws(Problem) {
        var reader = Reader(rest: text.utf8[...])
        let value = reader.takeUpToSemicolon()
        guard !value.isEmpty else { throw Problem(text: "it is empty") }
        self.value = String(decoding: value.map(ASCII.lowercased), as: UTF8.self)
        var parameters: [String: String] = [:]
        while let (name, value) = try reader.takeParameter() {
            guard parameters.updateValue(value, forKey: name) == nil else {
                throw Problem(text: "the parameter \(name) occurs twice")
            }
        }
        self.parameters = parameters
    }

    private struct Reader {
        var rest: Substring.UTF8View

        mutating func takeUpToSemicolon() -> [UInt8] {
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            let value = ASCII.trimmed(Substring(rest[..<end]))
            rest = rest[end...]
            return Array(value.utf8)
        }

        mutating func skipSpace() {
            while let first = rest.first, first == ASCII.space || first == ASCII.tab { rest.removeFirst() }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest.removeFirst()
            return true
        }

        mutating func takeToken() -> String {
            let token = rest.prefix(while: ASCII.isToken)
            rest = rest[token.endIndex...]
            return String(decoding: token, as: UTF8.self)
        }

        /// `; name=value`; nil at the end.
        mutating func takeParameter() throws(Problem) -> (name: String, value: String)? {
            skipSpace()
            if rest.isEmpty { return nil }
            guard take(UInt8(ascii: ";")) else { throw Problem(text: "a ';' is missing between parameters") }
            skipSpace()
            // One semicolon at the end does no harm.
            if rest.isEmpty { return nil }
            let name = String(decoding: takeToken().utf8.map(ASCII.lowercased), as: UTF8.self)
            guard !name.isEmpty, take(UInt8(ascii: "=")) else { throw Problem(text: "a parameter is not name=value") }
            if take(UInt8(ascii: "\"")) { return (name, try takeQuoted(name)) }
            let value = takeToken()
            guard !value.isEmpty else { throw Problem(text: "the parameter \(name) has no value") }
            return (name, value)
        }

        /// The rest of a quoted string. A backslash escapes `"` and `\`; before anything else it stands for itself,
        /// because browsers send names with backslashes as they are.
        private mutating func takeQuoted(_ name: String) throws(Problem) -> String {
            var value: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""):
                    guard let text = String(validating: value, as: UTF8.self) else {
                        throw Problem(text: "the parameter \(name) is not UTF-8")
                    }
                    return text
                case UInt8(ascii: "\\") where rest.first == UInt8(ascii: "\"") || rest.first == UInt8(ascii: "\\"):
                    if let escaped = rest.popFirst() { value.append(escaped) }
                default: value.append(byte)
                }
            }
            throw Problem(text: "the quotation mark of the parameter \(name) is not closed")
        }
    }
}
