import Synchronization

/// One TCP connection, from its acceptance to its close, with what the housekeeper needs to end it when the client is
/// too slow to send a request.
final class ClientConnection: Sendable {
    /// What the connection waits for. Moments are monotonic milliseconds.
    enum Wait: Sendable {
        /// A header section, whose time has run since then.
        case head(since: Int64)
        /// A further request, of which nothing has come yet.
        case idle(since: Int64)
        /// Nothing: a request is being served.
        case busy
        /// Nothing any more: the connection was cut.
        case over
    }

    private struct State {
        var wait: Wait
        var exchange: Exchange?
        var isClosed = false
    }

    let daemon: DaemonConnection
    let descriptor: Int32
    let remoteAddress: String
    private let state: Mutex<State>

    init(_ daemon: DaemonConnection, now: Int64) {
        self.daemon = daemon
        descriptor = daemon.descriptor
        remoteAddress = SocketAddress.remote(of: descriptor)?.host ?? "unknown"
        state = Mutex(State(wait: .head(since: now)))
    }

    /// The request that is being served, if any.
    var exchange: Exchange? { state.withLock { $0.exchange } }

    func requestLineArrived(_ exchange: Exchange) { state.withLock { $0.exchange = exchange } }

    /// False when the client was told a moment ago that it is too slow; its request must not be served then.
    func headArrived() -> Bool {
        state.withLock { state in
            if case .over = state.wait { return false }
            state.wait = .busy
            return true
        }
    }

    func requestCompleted(now: Int64) {
        state.withLock { state in
            state.exchange = nil
            if case .busy = state.wait { state.wait = .idle(since: now) }
        }
    }

    /// Called before libmicrohttpd closes the socket: from here on the descriptor belongs to nobody here.
    func closed() { state.withLock { $0.isClosed = true } }

    /// Cuts the connection when its time for a header section or for a further request is over.
    func checkDeadline(now: Int64, headMilliseconds: Int64, idleMilliseconds: Int64, timeoutAnswer: () -> [UInt8]) {
        state.withLock { state in
            // Under the lock, `closed()` cannot come in between, so the descriptor is still this connection's.
            guard !state.isClosed else { return }
            switch state.wait {
            case .busy, .over: return
            case .head(let since):
                guard now - since >= headMilliseconds else { return }
                Socket.sendNow(descriptor, timeoutAnswer())
            case .idle(let since):
                guard now - since >= idleMilliseconds else {
                    if Socket.hasReceived(descriptor, after: since, now: now) { state.wait = .head(since: now) }
                    return
                }
            }
            state.wait = .over
            // libmicrohttpd sees the end of the connection and closes it.
            Socket.cut(descriptor)
        }
    }
}
