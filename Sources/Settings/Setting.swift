/// Why the settings do not hold: names the key, the expected format and the default.
package struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// One key of the configuration.
package struct Setting<Value: Sendable>: Sendable {
    package let name: String
    /// What is expected, in words: `HOST:PORT`, `a whole number from 1 to 64`.
    package let format: String
    /// What applies where the key is absent, in words.
    package let defaultText: String
    package let meaning: String
    package let isSecret: Bool
    let defaultValue: Value
    let parse: @Sendable (String) -> Value?

    package init(
        _ name: String, format: String, default defaultValue: Value, shownAs defaultText: String? = nil,
        meaning: String, isSecret: Bool = false, parse: @escaping @Sendable (String) -> Value?
    ) {
        self.name = name
        self.format = format
        self.defaultValue = defaultValue
        self.defaultText = defaultText ?? "\(defaultValue)"
        self.meaning = meaning
        self.isSecret = isSecret
        self.parse = parse
    }

    package var entry: CatalogEntry {
        CatalogEntry(name: name, format: format, defaultText: defaultText, meaning: meaning)
    }
}

/// What `serve --help` says of one key.
package struct CatalogEntry: Hashable, Sendable {
    package let name: String
    package let format: String
    package let defaultText: String
    package let meaning: String
}

extension Setting where Value == Int {
    package static func integer(
        _ name: String, _ range: ClosedRange<Int>, default value: Int, shownAs text: String? = nil, _ meaning: String
    ) -> Setting {
        Setting(
            name, format: "a whole number from \(range.lowerBound) to \(range.upperBound)", default: value,
            shownAs: text, meaning: meaning
        ) { text in
            guard let number = Int(text), range.contains(number) else { return nil }
            return number
        }
    }
}

extension Setting where Value == Double? {
    package static func fraction(_ name: String, shownAs text: String, _ meaning: String) -> Setting {
        Setting(name, format: "a number from 0 to 1", default: nil, shownAs: text, meaning: meaning) { text in
            guard let number = Double(text), (0...1).contains(number) else { return .none }
            return .some(number)
        }
    }
}

extension Setting where Value == Bool {
    package static func flag(_ name: String, default value: Bool, _ meaning: String) -> Setting {
        Setting(name, format: "true or false", default: value, meaning: meaning) { text in
            switch text {
            case "true", "1", "yes", "on": true
            case "false", "0", "no", "off": false
            default: nil
            }
        }
    }
}

extension Setting where Value == String {
    package static func path(
        _ name: String, default value: String, shownAs text: String? = nil, _ meaning: String
    ) -> Setting {
        Setting(name, format: "a path", default: value, shownAs: text, meaning: meaning) { text in
            text.isEmpty || text.utf8.contains(0) ? nil : text
        }
    }

    package static func choice(
        _ name: String, _ choices: [String], default value: String, _ meaning: String
    ) -> Setting {
        Setting(
            name, format: "one of \(choices.joined(separator: ", "))", default: value, meaning: meaning
        ) { choices.contains($0) ? $0 : nil }
    }

    /// An address to listen on: `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:0` (any free port).
    package static func address(_ name: String, default value: String, _ meaning: String) -> Setting {
        Setting(name, format: "ADDRESS:PORT, IPv6 in brackets", default: value, meaning: meaning) { text in
            guard let colon = text.lastIndex(of: ":"), UInt16(text[text.index(after: colon)...]) != nil else {
                return nil
            }
            let host = text[..<colon]
            if host.hasPrefix("[") { return host.hasSuffix("]") && host.count > 2 ? text : nil }
            return !host.isEmpty && !host.contains(":") ? text : nil
        }
    }
}

extension Setting where Value == String? {
    package static func secret(_ name: String, minimumLength: Int, shownAs text: String, _ meaning: String) -> Setting {
        Setting(
            name, format: "at least \(minimumLength) printable ASCII characters", default: nil, shownAs: text,
            meaning: meaning, isSecret: true
        ) { text in
            let isPrintable = text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            return text.utf8.count >= minimumLength && isPrintable ? .some(text) : .none
        }
    }
}

extension Setting where Value == [UInt8]? {
    package static func key(_ name: String, byteCount: Int, shownAs text: String, _ meaning: String) -> Setting {
        Setting(
            name, format: "\(byteCount * 2) hexadecimal digits", default: nil, shownAs: text, meaning: meaning,
            isSecret: true
        ) { text in
            let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
            guard digits.count == text.utf8.count, digits.count == byteCount * 2 else { return .none }
            return .some(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
    }
}
