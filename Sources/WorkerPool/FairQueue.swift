import Domain

/// What waits for a worker. Organizations take turns, so that one with many files delays another by one file and not
/// by all of them; uploads go before backlog.
struct FairQueue<Element> {
    /// Organizations with something waiting, in the order of their turns, each with its elements, oldest first.
    private struct Line {
        private(set) var turns: [OrganizationID] = []
        private(set) var elements: [OrganizationID: [Element]] = [:]

        func count(of organization: OrganizationID) -> Int { elements[organization]?.count ?? 0 }

        mutating func append(_ element: Element, for organization: OrganizationID) {
            if elements[organization] == nil { turns.append(organization) }
            elements[organization, default: []].append(element)
        }

        mutating func prepend(_ element: Element, for organization: OrganizationID) {
            turns.removeAll { $0 == organization }
            turns.insert(organization, at: 0)
            elements[organization, default: []].insert(element, at: 0)
        }

        mutating func reinsert(_ element: Element, for organization: OrganizationID) {
            if elements[organization] == nil { turns.append(organization) }
            elements[organization, default: []].insert(element, at: 0)
        }

        mutating func takeNext(where condition: (Element) -> Bool) -> Element? {
            for (turn, organization) in turns.enumerated() {
                guard var waiting = elements[organization], let index = waiting.firstIndex(where: condition) else {
                    continue
                }
                turns.remove(at: turn)
                let element = waiting.remove(at: index)
                if waiting.isEmpty {
                    elements[organization] = nil
                } else {
                    elements[organization] = waiting
                    turns.append(organization)
                }
                return element
            }
            return nil
        }

        mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
            var removed: [Element] = []
            for organization in turns {
                guard let waiting = elements[organization] else { continue }
                let kept = waiting.filter { !condition($0) }
                guard kept.count < waiting.count else { continue }
                removed += waiting.filter(condition)
                elements[organization] = kept.isEmpty ? nil : kept
            }
            turns.removeAll { elements[$0] == nil }
            return removed
        }

        /// The newest element of the organization that has the most waiting, if those are more than `count`.
        mutating func removeNewestOfLongest(beyond count: Int) -> Element? {
            let longest = elements.max { $0.value.count < $1.value.count }
            guard let organization = longest?.key, var waiting = longest?.value, waiting.count > count else {
                return nil
            }
            let element = waiting.removeLast()
            elements[organization] = waiting.isEmpty ? nil : waiting
            if waiting.isEmpty { turns.removeAll { $0 == organization } }
            return element
        }

        mutating func removeLast() -> Element? {
            guard let organization = turns.last, var waiting = elements[organization] else { return nil }
            let element = waiting.removeLast()
            elements[organization] = waiting.isEmpty ? nil : waiting
            if waiting.isEmpty { turns.removeLast() }
            return element
        }
    }

    private var uploads = Line()
    private var backlog = Line()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// To the end of the organization's own line.
    mutating func append(_ element: Element, for organization: OrganizationID, _ priority: ScanPriority) {
        count += 1
        switch priority {
        case .upload: uploads.append(element, for: organization)
        case .backlog: backlog.append(element, for: organization)
        }
    }

    /// Before everything of its priority: for an element that had its turn already.
    mutating func prepend(_ element: Element, for organization: OrganizationID, _ priority: ScanPriority) {
        count += 1
        switch priority {
        case .upload: uploads.prepend(element, for: organization)
        case .backlog: backlog.prepend(element, for: organization)
        }
    }

    /// First in the organization's own line, which keeps its turn: for an element whose first attempt failed. Others
    /// do not wait longer because of it.
    mutating func reinsert(_ element: Element, for organization: OrganizationID, _ priority: ScanPriority) {
        count += 1
        switch priority {
        case .upload: uploads.reinsert(element, for: organization)
        case .backlog: backlog.reinsert(element, for: organization)
        }
    }

    /// One of this many turns belongs to the backlog, so that a flood of uploads does not keep it waiting for ever.
    private static var backlogInterval: Int { 16 }
    private var turnsUntilBacklog = backlogInterval

    /// The next element that meets the condition. An organization none of whose elements does keeps its turn.
    mutating func takeNext(where condition: (Element) -> Bool = { _ in true }) -> Element? {
        let isBacklogsTurn = turnsUntilBacklog == 0
        let element =
            isBacklogsTurn
            ? backlog.takeNext(where: condition) ?? uploads.takeNext(where: condition)
            : uploads.takeNext(where: condition) ?? backlog.takeNext(where: condition)
        guard let element else { return nil }
        turnsUntilBacklog = isBacklogsTurn ? Self.backlogInterval : turnsUntilBacklog - 1
        count -= 1
        return element
    }

    /// Whether anybody but `organization` has an upload waiting.
    func hasUploads(ofOtherThan organization: OrganizationID) -> Bool {
        uploads.turns.contains { $0 != organization }
    }

    /// Makes room in a full queue for an upload of `organization`: a backlog element gives up its place, else the newest
    /// of the organization that has the most waiting. nil where that is `organization` itself: then its own upload is
    /// the one too many. One tenant's flood fills its own line, and nobody else's.
    mutating func makeRoom(for organization: OrganizationID) -> Element? {
        let element = backlog.removeLast() ?? uploads.removeNewestOfLongest(beyond: uploads.count(of: organization) + 1)
        if element != nil { count -= 1 }
        return element
    }

    /// How many uploads of an organization wait.
    func uploads(of organization: OrganizationID) -> Int { uploads.count(of: organization) }

    mutating func removeAll(where condition: (Element) -> Bool = { _ in true }) -> [Element] {
        let removed = uploads.removeAll(where: condition) + backlog.removeAll(where: condition)
        count -= removed.count
        return removed
    }

    func forEach(_ body: (Element) -> Void) {
        for line in [uploads, backlog] { for waiting in line.elements.values { waiting.forEach(body) } }
    }
}
