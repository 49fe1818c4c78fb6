package import Domain

/// A run of bytes of some content.
package struct ByteRange: Hashable, Sendable {
    package let first: Int64
    /// Inclusive.
    package let last: Int64

    package init(first: Int64, last: Int64) {
        precondition(0 <= first && first <= last, "a range holds at least one byte")
        self.first = first
        self.last = last
    }

    package var length: Int64 { last - first + 1 }

    /// For `Content-Range`.
    package func contentRange(of size: Int64) -> String { "bytes \(first)-\(last)/\(size)" }
}

/// What of some content a GET or HEAD is to be answered with (RFC 9110, sections 13 and 14).
package enum ContentSelection: Hashable, Sendable {
    /// 200 with everything.
    case whole
    /// 206 with `Content-Range`.
    case part(ByteRange)
    /// 304: the client has it.
    case notModified
    /// 412: the client wanted another version.
    case preconditionFailed
    /// 416 with `Content-Range: bytes */SIZE`.
    case unsatisfiable

    /// Goes by `If-Match`, `If-None-Match`, `If-Range` and `Range`.
    ///
    /// Several ranges at once, units other than bytes, and malformed ranges are answered with the whole content, as RFC
    /// 9110 allows. `If-Range` with a date never holds, because contents have no dates here.
    package init(for head: RequestHead, size: Int64, tag: EntityTag) {
        self.init(headers: head.headers, size: size, tag: tag)
    }

    init(headers: HeaderFields, size: Int64, tag: EntityTag) {
        let match = headers.values("If-Match")
        if !match.isEmpty, let tags = EntityTag.list(match), !tags.contains(where: tag.matchesStrongly) {
            self = .preconditionFailed
            return
        }
        let noneMatch = headers.values("If-None-Match")
        if !noneMatch.isEmpty {
            let tags = EntityTag.list(noneMatch)
            if tags?.contains(where: tag.matchesWeakly) ?? true {
                self = .notModified
                return
            }
        }
        let ranges = headers.values("Range")
        guard ranges.count == 1, Self.isCurrent(headers.values("If-Range"), tag) else {
            self = .whole
            return
        }
        self = Self.select(ranges[0], size: size)
    }

    /// Whether the version that the client has a part of is this one.
    private static func isCurrent(_ conditions: [String], _ tag: EntityTag) -> Bool {
        guard let condition = conditions.first else { return true }
        guard conditions.count == 1, let wanted = EntityTag(headerValue: condition) else { return false }
        return tag.matchesStrongly(wanted)
    }

    private static func select(_ text: String, size: Int64) -> ContentSelection {
        let unit = "bytes="
        guard ASCII.equalsIgnoringCase(text.prefix(unit.utf8.count), unit) else { return .whole }
        let ends = ASCII.trimmed(text.dropFirst(unit.utf8.count)).split(
            separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy(ASCII.isDigit) }) else { return .whole }
        // More digits than fit lie beyond every content.
        let numbers = ends.map { $0.isEmpty ? nil : Int64($0) ?? .max }
        switch (numbers[0], numbers[1]) {
        case (let first?, let last):
            if let last, last < first { return .whole }
            guard first < size else { return .unsatisfiable }
            return .part(ByteRange(first: first, last: min(last ?? .max, size - 1)))
        case (nil, let suffix?):
            guard suffix > 0, size > 0 else { return .unsatisfiable }
            return .part(ByteRange(first: max(0, size - suffix), last: size - 1))
        case (nil, nil): return .whole
        }
    }
}

extension Failure {
    /// 416 for content of `size` bytes.
    package static func rangeNotSatisfiable(size: Int64) -> Failure {
        Failure(
            .rangeNotSatisfiable, "The range lies outside the content of \(size) bytes.",
            headers: [("Content-Range", "bytes */\(size)")])
    }
}
