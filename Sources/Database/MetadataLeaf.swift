package import Domain

/// One value somewhere in an upload's metadata: `metadata.campaign`, `metadata.tags` (each element of a list by itself).
package struct MetadataLeaf: Hashable {
    /// What a value is: a text that looks like a number is not that number.
    enum Kind: String, CaseIterable {
        case text
        case number
        case boolean
        case null
        /// Something is there, with values of its own.
        case object

        /// Booleans are compared as the integers 0 and 1, which no filter writes otherwise.
        init(of value: SQLValue) {
            switch value {
            case .real: self = .number
            case .integer: self = .boolean
            default: self = .text
            }
        }

        var column: String { self == .number ? "m.number" : "m.text" }

        func value(_ value: SQLValue) -> SQLValue {
            guard self == .boolean, case .integer(let flag) = value else { return value }
            return .text(flag == 0 ? "false" : "true")
        }
    }

    /// Names joined by dots, without `metadata.`.
    let path: String
    let kind: Kind
    /// What is searched; numbers and booleans read as JSON writes them.
    let text: String
    /// Set for a number.
    let number: Double?

    /// An upload whose metadata has more values is refused: each is kept in an index.
    package static let maximumCount = 500

    package static func count(of metadata: JSONObject) -> Int { all(of: metadata).count }

    static func all(of metadata: JSONObject) -> [MetadataLeaf] {
        var leaves: [MetadataLeaf] = []
        for (name, value) in metadata { collect(value, at: name, into: &leaves) }
        return leaves
    }

    private static func collect(_ value: JSONValue, at path: String, into leaves: inout [MetadataLeaf]) {
        switch value {
        case .object(let object):
            leaves.append(MetadataLeaf(path: path, kind: .object, text: "", number: nil))
            for (name, value) in object { collect(value, at: "\(path).\(name)", into: &leaves) }
        case .array(let elements):
            for element in elements { collect(element, at: path, into: &leaves) }
        case .string(let text): leaves.append(MetadataLeaf(path: path, kind: .text, text: text, number: nil))
        case .bool: leaves.append(MetadataLeaf(path: path, kind: .boolean, text: value.encoded, number: nil))
        case .null: leaves.append(MetadataLeaf(path: path, kind: .null, text: "", number: nil))
        case .integer, .number:
            leaves.append(MetadataLeaf(path: path, kind: .number, text: value.encoded, number: value.doubleValue))
        }
    }
}
