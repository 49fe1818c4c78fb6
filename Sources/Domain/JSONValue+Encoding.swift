extension JSONValue {
    /// The value as JSON text (RFC 8259), UTF-8, without insignificant white space.
    package var encoded: String { String(decoding: encodedBytes, as: UTF8.self) }

    /// The same as bytes.
    package var encodedBytes: [UInt8] {
        var output: [UInt8] = []
        append(to: &output)
        return output
    }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: String(value).utf8)
        // JSON has no NaN and no infinity.
        case .number(let value): output.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): Self.append(string: value, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.append(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            var isFirst = true
            for member in object {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                Self.append(string: member.name, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.append(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func append(string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        // Most texts are written as they are, and all of their bytes beyond ASCII.
        if string.utf8.contains(where: Self.isEscaped) {
            for byte in string.utf8 { append(escaping: byte, to: &output) }
        } else {
            output.append(contentsOf: string.utf8)
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func append(escaping byte: UInt8, to output: inout [UInt8]) {
        guard isEscaped(byte) else { return output.append(byte) }
        let escape: String
        switch byte {
        case UInt8(ascii: "\""): escape = "\\\""
        case UInt8(ascii: "\\"): escape = "\\\\"
        case UInt8(ascii: "\n"): escape = "\\n"
        case UInt8(ascii: "\r"): escape = "\\r"
        case UInt8(ascii: "\t"): escape = "\\t"
        default:
            let digits = String(byte, radix: 16)
            escape = "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
        output.append(contentsOf: escape.utf8)
    }
}
