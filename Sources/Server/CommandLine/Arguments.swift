/// A command line that does not make sense, with what was expected.
struct UsageError: Error, Sendable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The words after a command: options with a value (`--name VALUE` or `--name=VALUE`), flags (`--json`) and operands.
struct Arguments: Sendable {
    private(set) var operands: [String] = []
    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    init(
        _ words: some Sequence<String>, options: Set<String> = [], flags known: Set<String> = []
    ) throws(UsageError) {
        var words = Array(words)[...]
        var onlyOperands = false
        while let word = words.popFirst() {
            guard !onlyOperands, word.hasPrefix("--") else {
                operands.append(word)
                continue
            }
            if word == "--" {
                onlyOperands = true
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if known.contains(name), parts.count == 1 {
                flags.insert(name)
            } else if options.contains(name) {
                guard let value = parts.count == 2 ? String(parts[1]) : words.popFirst() else {
                    throw UsageError("--\(name) needs a value")
                }
                guard values.updateValue(value, forKey: name) == nil else {
                    throw UsageError("--\(name) is given twice")
                }
            } else {
                let all = options.union(known).sorted().map { "--\($0)" }.joined(separator: ", ")
                throw UsageError("--\(name) is not an option here; there is \(all.isEmpty ? "none" : all)")
            }
        }
    }

    subscript(option: String) -> String? { values[option] }
    func has(_ flag: String) -> Bool { flags.contains(flag) }

    func required(_ option: String) throws(UsageError) -> String {
        guard let value = values[option] else { throw UsageError("--\(option) is missing") }
        return value
    }

    func noOperands() throws(UsageError) {
        if let first = operands.first { throw UsageError("\"\(first)\" is not expected here") }
    }
}
