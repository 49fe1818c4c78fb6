import Domain
import Execution
import Glibc
import Synchronization

/// One thread beside libmicrohttpd's: it accepts connections, sends the answers that come before the end of a body and
/// drains the rest of it, and cuts the connections of clients that are too slow.
///
/// Accepting is done here and not by libmicrohttpd because its way to stop accepting races with its own threads, and
/// aborts the process when it loses.
final class Housekeeper: Sendable {
    struct State: Sendable {
        /// Handed over, and not taken up by the thread yet.
        var inbox: [LingeringAnswer] = []
        /// No more lingering answers; those under way end.
        var isClosed = false
        var isStopped = false
    }

    let wakeUp: WakeUp
    private let socket: Mutex<ListeningSocket?>
    private let state = Mutex(State())
    private let lingeringEnded = Semaphore()
    private let ended = Semaphore()
    /// At least four looks within the shortest limit.
    let tickMilliseconds: Int64

    init(_ socket: consuming ListeningSocket, _ configuration: HTTPConfiguration) throws(HTTPError) {
        wakeUp = try WakeUp()
        self.socket = Mutex(socket)
        let shortest = min(
            configuration.headerTimeoutMilliseconds, configuration.idleTimeoutMilliseconds,
            configuration.bodyWindowMilliseconds, configuration.drainIdleMilliseconds)
        tickMilliseconds = min(max(shortest / 4, 5), 1_000)
    }

    func start(_ server: ServerCore) {
        Thread.start { [self] in
            var loop = HousekeeperLoop(server, self)
            loop.run(whenLingeringEnded: lingeringEnded)
            ended.signal()
        }
    }

    /// Ends the thread and waits for it. Nothing may linger any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
        ended.wait()
    }

    /// Closes the listening socket. Connections in the backlog are refused by the kernel.
    func stopAccepting() {
        socket.withLock { $0 = nil }
    }

    /// Calls `body` with the listening socket, which stays open meanwhile; nil after `stopAccepting()`.
    func withListeningSocket<Result>(_ body: (Int32) -> Result) -> Result? {
        socket.withLock { socket in
            guard let descriptor = socket?.descriptor else { return nil }
            return body(descriptor)
        }
    }

    /// Takes over an answer on a suspended connection; false when the server is past that. The exchange's lock is held
    /// here, so nothing of an exchange may be called under the lock of this.
    func linger(_ answer: LingeringAnswer) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.inbox.append(answer)
            return true
        }
        if isTaken { wakeUp.signal() }
        return isTaken
    }

    /// Ends every lingering answer, takes no more, and waits until that is done.
    func endLingering() {
        state.withLock { $0.isClosed = true }
        wakeUp.signal()
        lingeringEnded.wait()
    }

    /// What was asked for since the last look.
    func takeState() -> State {
        state.withLock { state in
            defer { state.inbox = [] }
            return state
        }
    }
}
