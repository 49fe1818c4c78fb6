/// Where a server listens, and its limits. The defaults are meant for a public listener.
package struct HTTPConfiguration: Sendable {
    /// `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:80`; port 0 takes a free one. Names are not resolved.
    package var address: String
    /// Tells listeners apart in logs and metrics: `public`, `private`.
    package var name: String
    /// Threads that serve connections.
    package var threads = 2
    /// Connections open at the same time; more wait in the backlog.
    package var connectionLimit = 1024
    package var listenBacklog = 512
    /// Memory of one connection, for the header section and for one slice of a body.
    package var connectionMemoryBytes = 65_536
    /// Request line and header section together; more is answered with 431.
    package var maximumHeaderBytes = 16_384
    package var maximumHeaderFields = 100
    /// From the connection, or from the first byte of a further request, to the end of the header section.
    package var headerTimeoutMilliseconds: Int64 = 10_000
    /// How long a connection without a request stays open after an answer.
    package var idleTimeoutMilliseconds: Int64 = 60_000
    /// A body that brings less than `minimumBodyBytesPerSecond` over this window is cut with 408. Time that the service
    /// itself lets the body wait does not count.
    package var bodyWindowMilliseconds: Int64 = 30_000
    package var minimumBodyBytesPerSecond: Int64 = 1_024
    /// A body that is announced with at most as many bytes is read before its handler runs, so that the two need not wait
    /// for each other. Not where the client waits for `100 Continue`, and not with PUT, of which a handler may keep what
    /// came before the connection broke.
    package var maximumGatheredBytes: Int64 = 32_768 + 4_096
    /// An answer given before the end of the body closes the connection, but only after what the client still sends was
    /// read and dropped: closing at once would reset the connection, and the client might never see the answer. These
    /// bound that: in bytes, in time without any, and in time altogether.
    package var drainMaximumBytes: Int64 = 268_435_456
    package var drainIdleMilliseconds: Int64 = 2_000
    package var drainTotalMilliseconds: Int64 = 30_000

    package init(address: String, name: String) {
        self.address = address
        self.name = name
    }

    /// Throws `.invalidConfiguration` for a limit that no server could run with.
    func validate() throws(HTTPError) {
        try require(1...64, threads, "threads")
        try require(threads...1_000_000, connectionLimit, "connectionLimit")
        try require(1...65_535, listenBacklog, "listenBacklog")
        try require(16_384...16_777_216, connectionMemoryBytes, "connectionMemoryBytes")
        // The other half holds what libmicrohttpd keeps beside the header section itself.
        try require(1_024...connectionMemoryBytes / 2, maximumHeaderBytes, "maximumHeaderBytes")
        try require(1...1_000, maximumHeaderFields, "maximumHeaderFields")
        try require(1...86_400_000, headerTimeoutMilliseconds, "headerTimeoutMilliseconds")
        try require(1...86_400_000, idleTimeoutMilliseconds, "idleTimeoutMilliseconds")
        try require(1...86_400_000, bodyWindowMilliseconds, "bodyWindowMilliseconds")
        try require(0...1_073_741_824, minimumBodyBytesPerSecond, "minimumBodyBytesPerSecond")
        try require(0...1_048_576, maximumGatheredBytes, "maximumGatheredBytes")
        try require(0...Int64.max, drainMaximumBytes, "drainMaximumBytes")
        try require(1...86_400_000, drainIdleMilliseconds, "drainIdleMilliseconds")
        try require(1...86_400_000, drainTotalMilliseconds, "drainTotalMilliseconds")
    }

    private func require<Value>(_ range: ClosedRange<Value>, _ value: Value, _ name: String) throws(HTTPError) {
        guard range.contains(value) else {
            throw .invalidConfiguration(
                "\(name) of the \(self.name) listener is \(value); expected \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
