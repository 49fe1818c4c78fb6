/// Where the values of settings come from: the environment, and under it the file that `PORTCULLIS_CONFIG` names.
package struct SettingsSource: Sendable {
    package static let prefix = "PORTCULLIS_"
    private let values: [String: (value: String, origin: String)]

    /// - Parameters:
    ///   - environment: the process's environment; only keys that begin with `PORTCULLIS_` are looked at.
    ///   - file: the text of the configuration file, lines of `KEY=VALUE` with `#` comments, and its name for messages.
    ///   - known: every key that exists; another one stops the start, since a misspelt key would silently do nothing.
    package init(
        environment: [String: String], file: (name: String, text: String)? = nil, known: [CatalogEntry]
    ) throws(SettingsError) {
        var values: [String: (value: String, origin: String)] = [:]
        if let file {
            for (key, value, line) in try Self.lines(of: file) {
                values[key] = (value, "\(file.name), line \(line)")
            }
        }
        for (key, value) in environment where key.hasPrefix(Self.prefix) { values[key] = (value, "the environment") }
        let names = Set(known.map(\.name))
        for (key, entry) in values.sorted(by: { $0.key < $1.key }) where !names.contains(key) {
            throw Self.unknown(key, origin: entry.origin, known: known)
        }
        self.values = values
    }

    package func read<Value>(_ setting: Setting<Value>) throws(SettingsError) -> Value {
        guard let (text, origin) = values[setting.name] else { return setting.defaultValue }
        guard let value = setting.parse(text) else {
            let shown = setting.isSecret ? "the value (not shown)" : "\"\(text)\""
            throw SettingsError(
                "\(setting.name) (from \(origin)): \(shown) is not \(setting.format); "
                    + "the default is \(setting.defaultText)")
        }
        return value
    }

    private static func lines(
        of file: (name: String, text: String)
    ) throws(SettingsError) -> [(key: String, value: String, line: Int)] {
        var found: [(key: String, value: String, line: Int)] = []
        for (index, raw) in file.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
        {
            let line = trimmed(raw)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            guard let equals = line.firstIndex(of: "=") else {
                throw SettingsError("\(file.name), line \(index + 1): expected KEY=VALUE")
            }
            let key = String(trimmed(line[..<equals]))
            if let earlier = found.first(where: { $0.key == key }) {
                throw SettingsError("\(file.name), line \(index + 1): \(key) is set already in line \(earlier.line)")
            }
            found.append((key, unquoted(trimmed(line[line.index(after: equals)...])), index + 1))
        }
        return found
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else {
            return String(text)
        }
        return String(text.dropFirst().dropLast())
    }

    private static func unknown(_ key: String, origin: String, known: [CatalogEntry]) -> SettingsError {
        let nearest = known.min { editDistance($0.name, key) < editDistance($1.name, key) }
        let hint =
            if let nearest, editDistance(nearest.name, key) <= 8 {
                "; the nearest key is \(nearest.name): \(nearest.format), default \(nearest.defaultText)"
            } else { "" }
        return SettingsError(
            "\(key) (from \(origin)) is not a setting\(hint). `portcullis serve --help` lists them all")
    }

    private static func editDistance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substitution = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
