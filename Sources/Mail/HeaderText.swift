/// Text in a header field.
enum HeaderText {
    /// A line with an encoded word has at most 76 characters (RFC 2047 section 2): `Subject: =?utf-8?B?` … `?=`.
    private static let wordBytes = 39
    /// What a mail's reader shows of a subject, and then some.
    private static let maximumScalars = 200
    private static let plainBytes = 60

    /// The text as one line of ASCII, or as several encoded words (RFC 2047), each on a line of its own.
    static func encoded(_ text: String) -> String {
        // A control character could end the field; it stands for a space.
        let scalars = text.unicodeScalars.prefix(maximumScalars).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
                ? " " : scalar
        }
        let isPlain = scalars.allSatisfy { $0.isASCII } && scalars.count <= plainBytes
        let line = String(String.UnicodeScalarView(scalars))
        // What looks like an encoded word would be decoded.
        if isPlain, !line.utf8.contains(UInt8(ascii: "=")) { return line }
        var words: [[UInt8]] = [[]]
        for scalar in scalars {
            // No character is divided between two words.
            let bytes = Array(String(scalar).utf8)
            if words[words.count - 1].count + bytes.count > wordBytes { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(base64($0))?=" }.joined(separator: "\r\n ")
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | Int($1) } << ((3 - group.count) * 8)
            for place in 0..<4 {
                text.append(place <= group.count ? digits[value >> (18 - place * 6) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
