import CJansson
package import Domain

/// Why a text is not the JSON that was expected, in words for the client.
package struct JSONError: Error, Hashable, Sendable {
    package let message: String
    package init(_ message: String) { self.message = message }
}

/// Reads JSON (RFC 8259) with jansson, strictly: a name twice in one object, a NUL inside a string, invalid UTF-8 and
/// integers beyond 64 bits are refused.
package enum JSONParser {
    /// - Parameters:
    ///   - maximumBytes: longer texts are refused unread.
    ///   - maximumDepth: arrays and objects inside one another.
    package static func parse(
        _ bytes: [UInt8], maximumBytes: Int = 1_048_576, maximumDepth: Int = 32
    ) throws(JSONError) -> JSONValue {
        guard bytes.count <= maximumBytes else {
            throw JSONError("the JSON text has \(bytes.count) bytes; at most \(maximumBytes) are accepted")
        }
        // Before the parser recurses: its own limit is compiled in, and far above ours.
        try checkDepth(bytes, maximum: maximumDepth)
        let document = try Document(parsing: bytes)
        return try document.value()
    }

    package static func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Array(text.utf8)) }

    private static func checkDepth(_ bytes: [UInt8], maximum: Int) throws(JSONError) {
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= maximum else { throw JSONError("the JSON text nests deeper than \(maximum) levels") }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
    }
}

/// One parsed document, owned: the pointer is valid until deinit, which gives it back.
@safe private struct Document: ~Copyable {
    private let root: UnsafeMutablePointer<json_t>

    // The one checked entry to jansson's parser.
    init(parsing bytes: [UInt8]) throws(JSONError) {
        json_object_seed(0)
        var error = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)
        let root = unsafe bytes.withUnsafeBytes { buffer in
            unsafe json_loadb(buffer.baseAddress, buffer.count, flags, &error)
        }
        guard let root = unsafe root else { throw Self.failure(&error) }
        unsafe self.root = root
    }

    deinit { unsafe json_decref(root) }

    private static func failure(_ error: inout json_error_t) -> JSONError {
        let text = unsafe withUnsafeBytes(of: &error.text) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let (line, column) = (error.line, error.column)
        return line > 0 ? JSONError("\(text) (line \(line), column \(column))") : JSONError(text)
    }

    func value() throws(JSONError) -> JSONValue { unsafe try Self.convert(root) }

    private static func convert(_ json: UnsafeMutablePointer<json_t>) throws(JSONError) -> JSONValue {
        switch unsafe json.pointee.type {
        case JSON_OBJECT: return unsafe .object(try object(json))
        case JSON_ARRAY:
            var elements: [JSONValue] = []
            for index in 0..<(unsafe json_array_size(json)) {
                guard let element = unsafe json_array_get(json, index) else { break }
                elements.append(unsafe try convert(element))
            }
            return .array(elements)
        case JSON_STRING: return .string(unsafe string(json_string_value(json), json_string_length(json)))
        case JSON_INTEGER: return .integer(Int64(unsafe json_integer_value(json)))
        case JSON_REAL: return .number(unsafe json_real_value(json))
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        default: return .null
        }
    }

    private static func object(_ json: UnsafeMutablePointer<json_t>) throws(JSONError) -> JSONObject {
        var object = JSONObject()
        var iterator = unsafe json_object_iter(json)
        while let member = unsafe iterator {
            if let key = unsafe json_object_iter_key(member), let value = unsafe json_object_iter_value(member) {
                object[unsafe String(cString: key)] = unsafe try convert(value)
            }
            unsafe iterator = json_object_iter_next(json, member)
        }
        return object
    }

    private static func string(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let start = unsafe start else { return "" }
        // jansson has checked that it is UTF-8.
        return unsafe start.withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
            unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
        }
    }
}
