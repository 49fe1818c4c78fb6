/// Everything about a request but its body. It has passed every check of `RequestHead+Checks`.
package struct RequestHead: Sendable {
    /// Names the request in answers (`X-Request-Id`) and logs: the client's own, where that consists of 1 to 64 of
    /// `[A-Za-z0-9._-]`, else a random one.
    package let id: String
    package let method: HTTPMethod
    /// As it came, percent-encoded, without the query.
    package let path: String
    /// The parts of the path between slashes, percent-decoded once: `/v1/a%2Fb` gives `["v1", "a/b"]`.
    package let pathSegments: [String]
    package let query: QueryItems
    package let headers: HeaderFields
    /// Bytes of the body; nil where the body is chunked.
    package let contentLength: Int64?
    package let isChunked: Bool
    /// The client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool
    /// The peer's IP address, without port.
    package let remoteAddress: String

    package var hasBody: Bool { isChunked || contentLength ?? 0 > 0 }
}

/// The query of a request target, decoded as `application/x-www-form-urlencoded`.
package struct QueryItems: Sendable, Sequence {
    package typealias Item = (name: String, value: String)
    private let items: [Item]

    package init(_ items: [Item] = []) { self.items = items }

    package var count: Int { items.count }

    /// The first value under `name`.
    package subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    package func values(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    package func makeIterator() -> IndexingIterator<[Item]> { items.makeIterator() }
}
