/// Text that clients chose as a name, equal only to the same code points. Swift's strings count as equal what Unicode calls
/// canonically equivalent, such as `é` written in two ways; JSON (RFC 8259, section 8.3) and the database do not, so that
/// what is looked up in a dictionary of strings may be something else than what is stored.
package struct ExactString: Hashable, Comparable, Sendable, ExpressibleByStringLiteral {
    package let text: String

    package init(_ text: String) { self.text = text }
    package init(stringLiteral value: String) { self.init(value) }

    package static func == (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// By the bytes of their UTF-8, as the database orders them.
    package static func < (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        // Read only, and only here. What follows keeps a text apart from the beginning of another.
        text.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
        hasher.combine(UInt8.max)
    }
}
