package import Domain
import Synchronization

/// The body of a request, which arrives while it is read and is kept nowhere. Reading it is what makes the server send
/// `100 Continue`; an answer given without reading leaves a waiting client's body unsent.
package struct RequestBody: Sendable {
    let exchange: Exchange
    /// Bytes announced; nil for a chunked body.
    package let contentLength: Int64?
    /// Whether all of it has arrived already, so that reading it waits for nobody.
    package let isWhole: Bool
    /// The whole body, where it was collected before.
    private var collected: [UInt8]?

    /// What was read before the handler ran, and is not handed out yet. Not under the exchange's lock, which the connection's
    /// thread holds while it starts the handler.
    private let gathered: Gathered?

    init(exchange: Exchange, contentLength: Int64?, isWhole: Bool, gathered: [UInt8]?) {
        self.exchange = exchange
        self.contentLength = contentLength
        self.isWhole = isWhole
        self.gathered = gathered.map { Gathered($0) }
    }

    /// Streams the body into `sink` until it ends or the sink asks for a pause; after a pause, call again to go on.
    /// Memory stays constant, and a slow sink holds the client back. Bytes in flight are never delivered twice. One call
    /// at a time.
    ///
    /// - Throws: what the sink threw; `.truncatedBody` when the client is gone (nothing can be answered then),
    ///   `.requestTimeout` when the body came too slowly (the client was told so), `.shuttingDown` when the server
    ///   stopped waiting, `.badRequest` for a malformed chunked coding.
    package func read(into sink: any BodySink) async throws(Failure) -> BodyProgress {
        guard let bytes = gathered?.take() else { return try await exchange.read(into: sink) }
        do throws(Failure) {
            // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
            return try unsafe sink.receive(bytes.span.bytes) == .more ? .ended : .paused
        } catch {
            exchange.fail(error)
            throw error
        }
    }

    /// The whole body, for small ones.
    ///
    /// - Throws: `.payloadTooLarge` for a body of more than `maximumBytes`, unread where its length was announced;
    ///   otherwise as `read(into:)`.
    package func collect(maximumBytes: Int) async throws(Failure) -> [UInt8] {
        let collector = Collector(maximumBytes: maximumBytes)
        if let collected {
            guard collected.count <= maximumBytes else { throw collector.tooLarge }
            return collected
        }
        guard contentLength ?? 0 <= Int64(maximumBytes) else { throw collector.tooLarge }
        while try await read(into: collector) == .paused {}
        return collector.bytes.withLock { $0 }
    }

    /// The same body, read to its end: `collect` gives it again without waiting for the client.
    ///
    /// - Throws: as `collect(maximumBytes:)`.
    package func collected(maximumBytes: Int) async throws(Failure) -> RequestBody {
        var body = self
        body.collected = try await collect(maximumBytes: maximumBytes)
        return body
    }
}

private final class Gathered: Sendable {
    private let bytes: Mutex<[UInt8]?>

    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }

    /// Once.
    func take() -> [UInt8]? { bytes.withLock { $0.take() } }
}

private final class Collector: BodySink {
    let bytes = Mutex<[UInt8]>([])
    private let maximumBytes: Int
    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    var tooLarge: Failure { Failure(.payloadTooLarge, "The body is larger than \(maximumBytes) bytes.") }

    func receive(_ slice: RawSpan) throws(Failure) -> BodyDemand {
        let fits = bytes.withLock { bytes in
            guard slice.byteCount <= maximumBytes - bytes.count else { return false }
            unsafe slice.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            return true
        }
        guard fits else { throw tooLarge }
        return .more
    }
}
