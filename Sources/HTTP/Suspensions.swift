import Synchronization

/// Counts suspended connections, and forbids more: stopping libmicrohttpd with a suspended connection would abort the
/// process.
final class Suspensions: Sendable {
    private struct State {
        var count = 0
        var isForbidden = false
    }
    private let state = Mutex(State())

    /// To be asked before a connection is suspended; false means that it must not be.
    func begin() -> Bool {
        state.withLock { state in
            guard !state.isForbidden else { return false }
            state.count += 1
            return true
        }
    }

    /// To be called after a connection was resumed.
    func end() { state.withLock { $0.count -= 1 } }

    func forbid() { state.withLock { $0.isForbidden = true } }

    var count: Int { state.withLock { $0.count } }
}
