/// Names of requests: `X-Request-Id`.
enum RequestID {
    static let headerName = "X-Request-Id"

    /// The client's own name for its request where that is usable, else 32 random hexadecimal digits.
    static func choose(from fields: [RawHead.Field]) -> String {
        let given = fields.first { ASCII.equalsIgnoringCase(String(decoding: $0.name, as: UTF8.self), headerName) }
        guard let given, isValid(given.value) else { return random() }
        return String(decoding: given.value, as: UTF8.self)
    }

    static func isValid(_ bytes: [UInt8]) -> Bool {
        (1...64).contains(bytes.count)
            && bytes.allSatisfy { ASCII.isAlphanumeric($0) || "._-".utf8.contains($0) }
    }

    static func random() -> String {
        let half = { (value: UInt64) in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
        return half(.random(in: .min ... .max)) + half(.random(in: .min ... .max))
    }
}
