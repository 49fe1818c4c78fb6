import Domain
import Synchronization

/// Whether the mail server was lately in a trouble that the next mail would meet, too.
final class ServerTrouble: Sendable {
    private struct State {
        var failures = 0
        var until: Timestamp?
    }
    private let state = Mutex(State())

    func isExpected(at now: Timestamp) -> Bool {
        state.withLock { state in state.until.map { now < $0 } ?? false }
    }

    /// - Parameter until: until when it is expected to last, after so many failures before.
    func note(until: (Int) -> Timestamp) {
        state.withLock { state in
            state.until = until(state.failures)
            state.failures += 1
        }
    }

    func end() { state.withLock { $0 = State() } }
}
