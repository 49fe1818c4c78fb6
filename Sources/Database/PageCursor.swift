package import Domain

/// Where a page of a list ended. Lists are ordered by time, newest first, then by id, so that a page stays right
/// while rows are added.
package struct PageCursor: Hashable, Sendable {
    package var at: Timestamp
    package var id: String

    package init(at: Timestamp, id: String) {
        self.at = at
        self.id = id
    }

    /// As the client carries it: `<milliseconds>.<id>`.
    package var encoded: String { "\(at.milliseconds).\(id)" }

    /// nil for anything that `encoded` does not give.
    package init?(encoded: String) {
        guard encoded.utf8.count <= 100, let dot = encoded.firstIndex(of: "."),
            let milliseconds = Int64(encoded[..<dot])
        else { return nil }
        let id = encoded[encoded.index(after: dot)...]
        guard !id.isEmpty, id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        self.init(at: Timestamp(milliseconds: milliseconds), id: String(id))
    }
}

/// One page of a list, and where the next one begins: nil after the last.
package struct Page<Item: Sendable>: Sendable {
    package var items: [Item]
    package var next: PageCursor?

    package init(items: [Item], next: PageCursor?) {
        self.items = items
        self.next = next
    }

    /// Pages hold 1...1000 items.
    package static var maximumLimit: Int { 1000 }

    static func clamped(_ limit: Int) -> Int { max(1, min(limit, maximumLimit)) }

    /// A page out of up to `limit` + 1 rows: the one too many only tells that there is another page.
    init(rows: [Item], limit: Int, cursor: (Item) -> PageCursor) {
        items = Array(rows.prefix(limit))
        next = rows.count > limit ? items.last.map(cursor) : nil
    }
}
