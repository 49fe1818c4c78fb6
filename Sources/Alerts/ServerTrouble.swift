import Domain
import Synchronization

/// Whether the mail server was lately in a trouble that the next mail would meet, too.
final class ServerTrouble: Sendable {
    private struct State {
        var failures = 0
        var until: Timestamp?
        /// Mails in a row whose recipient or content the server did not answer.
        var silences = 0
    }
    private static let maximumSilences = 3

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

    /// Notes that the server did not answer what concerns one mail: one recipient that it has trouble with must not hold
    /// up the others.
    /// - Returns: whether that happened so often in a row that it is the server's own trouble.
    func noteSilence() -> Bool {
        state.withLock { state in
            state.silences += 1
            guard state.silences >= Self.maximumSilences else { return false }
            state.silences = 0
            return true
        }
    }

    func end() { state.withLock { $0 = State() } }
}
