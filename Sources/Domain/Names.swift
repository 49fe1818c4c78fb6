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
}
