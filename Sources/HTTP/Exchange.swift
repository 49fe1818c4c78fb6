import Domain
import Synchronization
import Telemetry

/// One request and its answer: the state that the connection's thread, the handler's task and the housekeeper share.
///
/// The connection is suspended, and so untouched by its own thread, whenever the handler has the word. One lock guards
/// all of the state; suspending and resuming happen inside it, so that nobody resumes a connection that is not
/// suspended, and nobody forgets one that is. See `Exchange+Connection` for the calls of the connection's thread,
/// `Exchange+Handler` for those of the handler's task, `Exchange+Ending` for the ways out.
final class Exchange: Sendable {
    enum Phase: Sendable {
        /// The header section is not complete.
        case head
        /// The request has no body; libmicrohttpd will call once more.
        case bodiless
        /// A small body comes to memory; the handler runs once it is whole.
        case gathering
        /// Suspended: the handler runs and the body is untouched.
        case handling
        /// The body flows into the sink.
        case reading
        /// Suspended: the handler runs, the body waits.
        case paused
        /// Suspended: the handler runs, the body is complete.
        case ended
        /// The answer is decided; libmicrohttpd will call for it.
        case answering
        /// libmicrohttpd sends the answer.
        case sending
        /// Suspended: the housekeeper sends the answer and drains what the client still sends.
        case lingering
        /// The client was told that it is too slow; what still comes is dropped.
        case expired
        /// The connection is to be closed at the next call.
        case closing
        /// libmicrohttpd is done with the request; the connection must not be touched through it any more.
        case finished
    }

    struct State {
        var phase = Phase.head
        /// libmicrohttpd was told to go on from the header section to the body.
        var isPastHead = false
        var isSuspended = false
        var head: RequestHead?
        /// What has come of a small body whose handler does not run yet.
        var gathered: [UInt8]?
        var sink: (any BodySink)?
        var waiter: CheckedContinuation<Result<BodyProgress, Failure>, Never>?
        /// Why the body cannot be read on.
        var readFailure: Failure?
        var answer: Response?
        var task: Task<Void, Never>?
        var pace = BodyPace()
        /// A slice of the body is with the sink.
        var isDelivering = false
        /// When the client was first seen to send no more, with no byte since.
        var endSeenAt: Int64?
        /// When an expired connection is to be cut.
        var cutAt: Int64 = .max
        var entry: AccessEntry

        /// Counts bytes of the body.
        mutating func received(_ count: Int) {
            entry.bytesIn += Int64(count)
            pace.received(count)
            endSeenAt = nil
        }
    }

    let server: ServerCore
    let client: ClientConnection
    let target: [UInt8]
    /// Where the target lay in libmicrohttpd's buffer.
    let targetAddress: UInt
    let state: Mutex<State>

    /// Whether the next call brings the head.
    var isHeadExpected: Bool { state.withLock { $0.phase == .head } }

    init(server: ServerCore, client: ClientConnection, target: [UInt8], targetAddress: UInt) {
        self.server = server
        self.client = client
        self.target = target
        self.targetAddress = targetAddress
        state = Mutex(State(entry: AccessEntry(target: target, remoteAddress: client.remoteAddress)))
        server.exchangeBegan()
    }

    /// Suspends the connection, unless it is already. False when the server is about to stop and no connection may be
    /// suspended any more. Only on the connection's thread.
    func suspend(_ state: inout State) -> Bool {
        if state.isSuspended { return true }
        guard server.suspensions.begin() else { return false }
        state.isSuspended = true
        client.daemon.suspend()
        return true
    }

    func resume(_ state: inout State) {
        guard state.isSuspended else { return }
        state.isSuspended = false
        client.daemon.resume()
        server.suspensions.end()
    }
}
