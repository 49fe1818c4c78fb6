import Domain

/// One value somewhere in an upload's metadata: `metadata.campaign`, `metadata.tags` (each element of a list by itself).
struct MetadataLeaf: Hashable {
    /// Names joined by dots, without `metadata.`.
    let path: String
    /// As text; what is searched. Booleans and null read as JSON writes them.
    let text: String
    /// Set for a number.
    let number: Double?

    /// More than these are kept with the upload, but neither searched nor filtered by.
    static let maximumCount = 200
    /// Longer texts are searched by their beginning, in bytes.
    static let maximumTextBytes = 1_024

    static func all(of metadata: JSONObject) -> [MetadataLeaf] {
        var leaves: [MetadataLeaf] = []
        for (name, value) in metadata { collect(value, at: name, into: &leaves) }
        return Array(leaves.prefix(maximumCount))
    }

    private static func collect(_ value: JSONValue, at path: String, into leaves: inout [MetadataLeaf]) {
        guard leaves.count < maximumCount else { return }
        switch value {
        case .object(let object):
            for (name, value) in object { collect(value, at: "\(path).\(name)", into: &leaves) }
        case .array(let elements):
            for element in elements { collect(element, at: path, into: &leaves) }
        case .string(let text): leaves.append(MetadataLeaf(path: path, text: bounded(text), number: nil))
        default: leaves.append(MetadataLeaf(path: path, text: value.encoded, number: value.doubleValue))
        }
    }

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > maximumTextBytes else { return text }
        var bounded = ""
        var size = 0
        for scalar in text.unicodeScalars {
            size += scalar.utf8.count
            guard size <= maximumTextBytes else { break }
            bounded.unicodeScalars.append(scalar)
        }
        return bounded
    }
}
