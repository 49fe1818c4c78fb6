/// The encoding of RFC 2045 section 6.7, for text in UTF-8.
enum QuotedPrintable {
    private static let maximumColumns = 76

    /// The text in lines of at most 76 characters that end with CR LF; a line feed ends a line of the text.
    static func encoded(_ text: String) -> String {
        var output: [UInt8] = []
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if index > 0 { output += [13, 10] }
            append(Array(line), to: &output)
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func append(_ line: [UInt8], to output: inout [UInt8]) {
        var column = 0
        for (index, byte) in line.enumerated() {
            let isLast = index == line.count - 1
            let token = token(byte, isLast: isLast)
            // One column is left for the mark that the line goes on.
            if column + token.count > (isLast ? maximumColumns : maximumColumns - 1) {
                output += [UInt8(ascii: "="), 13, 10]
                column = 0
            }
            output += token
            column += token.count
        }
    }

    private static func token(_ byte: UInt8, isLast: Bool) -> [UInt8] {
        switch byte {
        // White space at a line's end gets lost on the way.
        case 0x20 where !isLast: return [byte]
        case 0x21...0x7e where byte != UInt8(ascii: "="): return [byte]
        default:
            let digits = Array("0123456789ABCDEF".utf8)
            return [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
