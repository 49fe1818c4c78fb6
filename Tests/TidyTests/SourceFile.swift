import TestSupport

/// A Swift source with its comments and string literals blanked out, line by line, so that a search finds code only.
struct SourceFile: Sendable {
    let path: String
    let text: String
    /// The code, of the same length and with the same lines as the text.
    let code: [UInt8]

    init(path: String) throws {
        self.init(path: path, text: try Repository.text(path))
    }

    /// Every Swift source of the tree. Read once, since taking all of them apart takes seconds in a debug build.
    static let all = Result {
        try Repository.files().filter { $0.hasSuffix(".swift") }.map(SourceFile.init(path:))
    }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var blanker = Blanker(Array(text.utf8))
        code = blanker.blank()
    }

    var lines: [Substring] {
        String(decoding: code, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    var lineCount: Int { text.utf8.count { $0 == UInt8(ascii: "\n") } }

    /// Modules that the file imports, whatever the access level.
    var imports: [String] {
        lines.compactMap { line -> String? in
            var words = line.split(separator: " ")
            while let first = words.first, first.hasPrefix("@") || Self.accessLevels.contains(String(first)) {
                words.removeFirst()
            }
            guard words.first == "import" else { return nil }
            let kinds = ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"]
            let name = words.dropFirst().first { !kinds.contains(String($0)) }
            return name.map { String($0.prefix { $0 != "." }) }
        }
    }
    private static let accessLevels = ["public", "package", "internal", "fileprivate", "private"]

    struct Function: Equatable {
        let line: Int
        let lines: Int
    }

    /// Functions, initializers and subscripts with a body: where they begin, and how many lines they take from the
    /// keyword to the closing brace.
    var functions: [Function] {
        var found: [Function] = []
        var index = 0
        var line = 1
        while index < code.count {
            if code[index] == UInt8(ascii: "\n") { line += 1 }
            if Self.firstLetters.contains(code[index]), startsFunction(at: index), let open = bodyStart(from: index),
                let close = closingBrace(from: open)
            {
                found.append(Function(line: line, lines: 1 + code[index...close].count { $0 == UInt8(ascii: "\n") }))
            }
            index += 1
        }
        return found
    }

    private static let functionKeywords = ["func ", "init(", "init?(", "init<", "deinit ", "subscript(", "subscript<"]
        .map { Array($0.utf8) }
    private static let firstLetters = Set(functionKeywords.map { $0[0] })
    private static let otherKeywords = [
        "var ", "let ", "case ", "struct ", "class ", "enum ", "extension ", "associatedtype ",
    ]
    .map { Array($0.utf8) }

    private func hasWord(_ words: [[UInt8]], at index: Int) -> Bool {
        let first = code[index]
        guard index == 0 || !isPartOfName(code[index - 1]) else { return false }
        return words.contains { $0[0] == first && code[index...].starts(with: $0) }
    }

    private func isPartOfName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "`")
    }

    /// A declaration begins its line, after attributes and modifiers; a call such as `self.init(` does not.
    private func startsFunction(at index: Int) -> Bool {
        guard hasWord(Self.functionKeywords, at: index) else { return false }
        let lineStart = code[..<index].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let before = String(decoding: code[lineStart..<index], as: UTF8.self)
        let words = before.split(separator: " ")
        return words.allSatisfy { word in
            word.first == "@" || Self.modifiers.contains(String(word.prefix { $0 != "(" })) || word == "{"
                || word.hasSuffix(")")
        }
    }
    private static let modifiers: Set<String> = [
        "public", "package", "internal", "fileprivate", "private", "static", "final", "override", "mutating",
        "nonmutating", "consuming", "borrowing", "convenience", "required", "nonisolated", "class", "extension",
        "indirect", "prefix", "postfix", "infix", "isolated",
    ]

    /// The opening brace of the body that belongs to the declaration at `index`; nil for a requirement without one.
    private func bodyStart(from index: Int) -> Int? {
        var depth = 0
        var position = index + 1
        while position < code.count {
            switch code[position] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0: return position
            case UInt8(ascii: "}") where depth == 0: return nil
            default:
                if depth == 0, hasWord(Self.otherKeywords, at: position) || startsFunction(at: position) { return nil }
            }
            position += 1
        }
        return nil
    }

    private func closingBrace(from open: Int) -> Int? {
        var depth = 0
        for position in open..<code.count {
            if code[position] == UInt8(ascii: "{") { depth += 1 }
            if code[position] == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { return position }
            }
        }
        return nil
    }
}
