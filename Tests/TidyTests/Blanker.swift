/// Replaces comments and string literals by spaces. Code inside an interpolation is blanked with its string.
struct Blanker {
    private let source: [UInt8]
    private var result: [UInt8]
    private var position = 0

    init(_ source: [UInt8]) {
        self.source = source
        result = source
    }

    mutating func blank() -> [UInt8] {
        while position < source.count {
            let byte = source[position]
            guard byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") else {
                position += 1
                continue
            }
            if starts("//") {
                skip { $0.source[$0.position] == UInt8(ascii: "\n") }
            } else if starts("/*") {
                skipBlockComment()
            } else if source[position] == UInt8(ascii: "\"") || starts("#\"") || starts("##\"") {
                skipString()
            } else {
                position += 1
            }
        }
        return result
    }

    private func starts(_ text: String) -> Bool { source[position...].starts(with: text.utf8) }

    /// Blanks `count` bytes; line feeds stay.
    private mutating func erase(_ count: Int) {
        for _ in 0..<count where position < source.count {
            if source[position] != UInt8(ascii: "\n") { result[position] = UInt8(ascii: " ") }
            position += 1
        }
    }

    private mutating func skip(until isEnd: (Blanker) -> Bool) {
        while position < source.count, !isEnd(self) { erase(1) }
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                erase(2)
            } else if starts("*/") {
                depth -= 1
                erase(2)
            } else {
                erase(1)
            }
        } while depth > 0 && position < source.count
    }

    private mutating func skipString() {
        let hashes = String(repeating: "#", count: starts("##\"") ? 2 : starts("#\"") ? 1 : 0)
        erase(hashes.utf8.count)
        let isMultiline = starts("\"\"\"")
        let quote = isMultiline ? "\"\"\"" : "\""
        let end = quote + hashes
        let escape = "\\" + hashes
        erase(quote.utf8.count)
        while position < source.count, !starts(end) {
            if starts(escape + "(") {
                erase(escape.utf8.count)
                skipInterpolation()
            } else if starts(escape) {
                erase(escape.utf8.count + 1)
            } else if !isMultiline, source[position] == UInt8(ascii: "\n") {
                // Not a string after all, such as a quote in a regular expression: give up at the line's end.
                return
            } else {
                erase(1)
            }
        }
        erase(end.utf8.count)
    }

    private mutating func skipInterpolation() {
        var depth = 0
        repeat {
            if source[position] == UInt8(ascii: "\"") || starts("#\"") {
                skipString()
                continue
            }
            if source[position] == UInt8(ascii: "(") { depth += 1 }
            if source[position] == UInt8(ascii: ")") { depth -= 1 }
            erase(1)
        } while depth > 0 && position < source.count
    }
}
