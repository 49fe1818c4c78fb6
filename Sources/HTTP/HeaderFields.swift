/// Header fields in the order in which they came. Names compare without case (RFC 9110, section 5.1).
package struct HeaderFields: Sendable, Sequence {
    package typealias Field = (name: String, value: String)
    private var fields: [Field]

    package init(_ fields: [Field] = []) { self.fields = fields }

    package var count: Int { fields.count }

    package mutating func append(_ name: String, _ value: String) { fields.append((name, value)) }

    /// The first value under `name`. Setting replaces every field of that name; nil removes them.
    package subscript(name: String) -> String? {
        get { fields.first { ASCII.equalsIgnoringCase($0.name, name) }?.value }
        set {
            fields.removeAll { ASCII.equalsIgnoringCase($0.name, name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    /// Every value under `name`, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { ASCII.equalsIgnoringCase($0.name, name) }.map(\.value)
    }

    package func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }
}
