/// The rules for names that clients choose.
package enum NameRules {
    package static let maximumFileNameBytes = 255

    /// Why `text` cannot be a file name; nil where it can. Any Unicode is fine, but nothing that could be taken for a
    /// path, and nothing that would break a header field or a terminal.
    package static func problem(inFileName text: String) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > maximumFileNameBytes {
            return "has \(text.utf8.count) bytes; at most \(maximumFileNameBytes) are accepted"
        }
        if text == "." || text == ".." { return "is a directory reference" }
        if text.contains("/") || text.contains("\\") { return "contains a path separator" }
        let hasControl = text.unicodeScalars.contains { scalar in
            // Also the marks that reverse the direction of text: they make `gpj.exe` look like `exe.jpg`.
            scalar.properties.generalCategory == .control || (0x202a...0x202e).contains(scalar.value)
                || (0x2066...0x2069).contains(scalar.value)
        }
        return hasControl ? "contains a control character" : nil
    }

    /// Why `text` cannot be a bucket's name; nil where it can.
    package static func problem(inBucket text: String) -> String? {
        guard (1...100).contains(text.utf8.count) else { return "has not 1 to 100 characters" }
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "-_.".utf8.contains(byte)
        }
        if !isPlain { return "contains something else than letters, digits, '-', '_' and '.'" }
        return text.allSatisfy { $0 == "." } ? "consists of dots" : nil
    }

    package static let defaultBucket = "default"

    /// Why `text` cannot be the name of an organization, a person or a thing; nil where it can.
    package static func problem(inDisplayName text: String) -> String? {
        if text.unicodeScalars.contains(where: isUnseen) {
            return "contains a control character, a line separator or a mark that turns the direction of text"
        }
        return text.unicodeScalars.allSatisfy(\.properties.isWhitespace) ? "is blank" : nil
    }

    /// Why `text` cannot be a name that URLs carry; nil where it can. Programs take `.` and `..` out of a path before they
    /// send it, be they percent-encoded or not.
    package static func problem(inPathName text: String) -> String? {
        if let problem = problem(inDisplayName: text) { return problem }
        let isNothing = text.unicodeScalars.allSatisfy { $0 == "." || $0.properties.isWhitespace }
        return isNothing ? "consists of dots" : nil
    }

    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1f, 0x7f...0x9f, 0x2028, 0x2029, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    /// Domains are the same in either case (RFC 4343); what stands before the `@` is its domain's own business.
    package static func folded(email text: String) -> String {
        guard let at = text.unicodeScalars.lastIndex(of: "@") else { return text }
        let domain = text[at...].unicodeScalars.map { scalar in
            ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
        }
        return String(text[..<at]) + String(String.UnicodeScalarView(domain))
    }
}
