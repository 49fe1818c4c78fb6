/// A validator of one version of some content (RFC 9110, section 8.8.3).
package struct EntityTag: Hashable, Sendable {
    /// Without quotes.
    package let opaque: String
    package let isWeak: Bool

    /// `opaque` may hold visible ASCII but `"`.
    package init(_ opaque: String, isWeak: Bool = false) {
        precondition(opaque.utf8.allSatisfy(Self.isTagByte), "the entity tag \(opaque) cannot be written")
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// As it stands in a header field: `"abc"`, `W/"abc"`.
    package var headerValue: String { (isWeak ? "W/" : "") + "\"\(opaque)\"" }

    /// Reads one entity tag; nil where the text is anything else.
    package init?(headerValue text: String) {
        let text = ASCII.trimmed(text)
        guard let (tag, rest) = Self.take(text), rest.isEmpty else { return nil }
        self = tag
    }

    /// Same version, byte for byte: both tags are strong.
    package func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }

    /// Same version, or one as good.
    package func matchesWeakly(_ other: EntityTag) -> Bool { opaque == other.opaque }

    /// The tags of an `If-Match` or `If-None-Match`; nil for `*`. What is malformed ends a list: the tags before it count.
    static func list(_ values: [String]) -> [EntityTag]? {
        var tags: [EntityTag] = []
        for value in values {
            var rest = ASCII.trimmed(value)
            if rest == "*" { return nil }
            while let (tag, after) = take(rest) {
                tags.append(tag)
                rest = ASCII.trimmed(after)
                guard rest.hasPrefix(",") else { break }
                rest = ASCII.trimmed(rest.dropFirst())
            }
        }
        return tags
    }

    private static func take(_ text: Substring) -> (EntityTag, rest: Substring)? {
        var rest = text
        let isWeak = rest.hasPrefix("W/")
        if isWeak { rest = rest.dropFirst(2) }
        guard rest.hasPrefix("\"") else { return nil }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\""), rest[..<end].utf8.allSatisfy(isTagByte) else { return nil }
        return (EntityTag(String(rest[..<end]), isWeak: isWeak), rest[rest.index(after: end)...])
    }

    private static func isTagByte(_ byte: UInt8) -> Bool { byte == 0x21 || (0x23...0x7e).contains(byte) }
}
