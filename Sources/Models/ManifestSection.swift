internal import Domain

/// One object of a manifest, whose members are taken out by name; what is left at the end is unknown.
struct ManifestSection {
    private var members: JSONObject
    private let file: String
    /// The object's own place, "" for the whole manifest.
    private let prefix: String

    init(_ value: JSONValue?, key: String, file: String, prefix: String = "") throws(ModelError) {
        guard let object = value?.objectValue else { throw .invalid(file: file, key: key, expected: "an object") }
        members = object
        self.file = file
        self.prefix = prefix
    }

    func invalid(_ key: String, _ expected: String) -> ModelError {
        .invalid(file: file, key: prefix + key, expected: expected)
    }

    private mutating func take(_ key: String) -> JSONValue? {
        defer { members[key] = nil }
        return members[key]
    }

    mutating func section(_ key: String) throws(ModelError) -> ManifestSection {
        try ManifestSection(take(key), key: prefix + key, file: file, prefix: prefix + key + ".")
    }

    mutating func text(_ key: String) throws(ModelError) -> String {
        guard let text = take(key)?.stringValue, !text.isEmpty, text.utf8.count <= 1024 else {
            throw invalid(key, "a text of 1 to 1024 bytes")
        }
        return text
    }

    /// nil for a member that is absent or null.
    mutating func optionalText(_ key: String) throws(ModelError) -> String? {
        guard let value = members[key], value != .null else { return nil }
        return try text(key)
    }

    mutating func hash(_ key: String) throws(ModelError) -> ContentHash {
        guard let hash = ContentHash(rawValue: try text(key)) else {
            throw invalid(key, "64 lower-case hexadecimal characters")
        }
        return hash
    }

    mutating func texts(_ key: String, count: Int) throws(ModelError) -> [String] {
        let texts = take(key)?.arrayValue?.compactMap(\.stringValue) ?? []
        guard texts.count == count else { throw invalid(key, "\(count) texts") }
        return texts
    }

    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, of type: Choice.Type
    ) throws(ModelError) -> Choice {
        guard let choice = take(key)?.stringValue.flatMap(Choice.init(rawValue:)) else {
            throw invalid(key, "one of " + Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
        }
        return choice
    }

    mutating func number(_ key: String, in range: ClosedRange<Double>) throws(ModelError) -> Double {
        guard let number = take(key)?.doubleValue, range.contains(number) else {
            throw invalid(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func numbers(_ key: String, count: Int) throws(ModelError) -> [Double] {
        let numbers = take(key)?.arrayValue?.compactMap(\.doubleValue) ?? []
        guard numbers.count == count else { throw invalid(key, "\(count) numbers") }
        return numbers
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int {
        guard let integer = try optionalInteger(key, in: range) else {
            throw invalid(key, "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// nil for a member that is absent or null.
    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int? {
        guard let value = take(key), value != .null else { return nil }
        guard let integer = value.integerValue.flatMap(Int.init(exactly:)), range.contains(integer) else {
            throw invalid(key, "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func finish() throws(ModelError) {
        guard let unknown = members.keys.first else { return }
        throw invalid(unknown, "no such key")
    }
}
