/// The members of a JSON object, in order, each name once.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral, Sequence {
    package typealias Member = (name: String, value: JSONValue)
    private var members: [Member] = []
    /// Where each name is. Only for objects of many members: the few of most are found faster by looking through them.
    private var places: [ExactString: Int]?

    private static let maximumUnindexedCount = 24

    package init() {}

    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

    /// Of several members of one name the last counts, at the place of the first.
    init(_ elements: [(String, JSONValue)]) {
        members.reserveCapacity(elements.count)
        for (name, value) in elements { self[name] = value }
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.name) }

    /// The member's value, nil where it is absent. Setting nil removes the member.
    package subscript(name: String) -> JSONValue? {
        get { place(of: name).map { members[$0].value } }
        set {
            switch (place(of: name), newValue) {
            case (let place?, let newValue?): members[place].value = newValue
            case (nil, let newValue?): append(name, newValue)
            case (let place?, nil):
                members.remove(at: place)
                places = nil
                indexIfLarge()
            case (nil, nil): break
            }
        }
    }

    private func place(of name: String) -> Int? {
        let name = ExactString(name)
        if let places { return places[name] }
        return members.firstIndex { ExactString($0.name) == name }
    }

    private mutating func append(_ name: String, _ value: JSONValue) {
        places?[ExactString(name)] = members.count
        members.append((name, value))
        indexIfLarge()
    }

    private mutating func indexIfLarge() {
        guard places == nil, members.count > Self.maximumUnindexedCount else { return }
        places = Dictionary(uniqueKeysWithValues: members.indices.map { (ExactString(members[$0].name), $0) })
    }

    package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }

    /// Two objects are equal when they have the same members, in whatever order.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.name] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        var sum = 0
        for member in members {
            var own = Hasher()
            own.combine(ExactString(member.name))
            own.combine(member.value)
            // The same in whatever order.
            sum ^= own.finalize()
        }
        hasher.combine(sum)
    }
}
