/// An answer that the housekeeper sends by itself on a suspended connection, draining afterwards what the client still
/// sends.
struct LingeringAnswer: Sendable {
    enum Progress {
        /// Wait for room in the socket's buffer.
        case writing
        /// The answer is out and the sending side is shut down; wait for what the client sends.
        case draining
        /// Nothing more to wait for.
        case over
    }

    let exchange: Exchange
    var descriptor: Int32 { exchange.client.descriptor }
    private var pending: ArraySlice<UInt8>
    private let file: ResponseFile?
    private var fileBytesSent: Int64 = 0
    private(set) var isSent = false
    private var drainedBytes: Int64 = 0
    private var lastProgress: Int64
    private let startedAt: Int64
    private let limits: HTTPConfiguration

    init(exchange: Exchange, head: String, body: Response.Body, limits: HTTPConfiguration) {
        self.exchange = exchange
        self.limits = limits
        var bytes = Array(head.utf8)
        if case .bytes(let content) = body { bytes += content }
        if case .file(let part) = body { file = part } else { file = nil }
        pending = bytes[...]
        startedAt = Clock.milliseconds()
        lastProgress = startedAt
    }

    /// Does what can be done without waiting. `buffer` is scratch space.
    mutating func proceed(now: Int64, buffer: inout [UInt8]) -> Progress {
        if !isSent {
            switch write(now: now) {
            case .writing: return .writing
            case .over: return .over
            case .draining:
                isSent = true
                exchange.lingeringAnswerSent()
                // The client reads the end of the answer while its own bytes are still welcome.
                Socket.endSending(descriptor)
            }
        }
        // A few buffers at a time: others wait as well.
        for _ in 0..<16 {
            switch Socket.drop(descriptor, buffer: &buffer) {
            case .bytes(let count):
                drainedBytes += Int64(count)
                lastProgress = now
                if drainedBytes > limits.drainMaximumBytes { return .over }
            case .wouldBlock: return .draining
            case .over: return .over
            }
        }
        return .draining
    }

    private mutating func write(now: Int64) -> Progress {
        while !pending.isEmpty {
            switch Socket.send(descriptor, pending) {
            case .bytes(let count):
                pending = pending.dropFirst(count)
                lastProgress = now
            case .wouldBlock: return .writing
            case .over: return .over
            }
        }
        while let file, fileBytesSent < file.length {
            let (offset, rest) = (file.offset + fileBytesSent, file.length - fileBytesSent)
            switch Socket.sendFile(descriptor, file.borrowed, offset: offset, length: rest) {
            case .bytes(let count):
                fileBytesSent += Int64(count)
                lastProgress = now
            case .wouldBlock: return .writing
            case .over: return .over
            }
        }
        return .draining
    }

    /// Whether the client had its time. A server that stops waits only for clients that still send.
    func isExpired(now: Int64, isStopping: Bool) -> Bool {
        let idle = isStopping ? min(limits.drainIdleMilliseconds, 250) : limits.drainIdleMilliseconds
        return now - lastProgress >= idle || now - startedAt >= limits.drainTotalMilliseconds
    }
}
