internal import Database
internal import Execution
internal import Synchronization

/// Copies the write-ahead log into the database file, on a thread and a connection of its own, so that writes go on
/// meanwhile. What they add is left to the writer, which copies it between two groups and can then begin the log anew:
/// SQLite does that only where nothing is left to be copied.
final class SQLiteCheckpointer: Sendable {
    private enum Phase { case idle, copying, copied }
    private struct State {
        var connection: SQLiteConnection?
        var phase = Phase.idle
        var isClosed = false
    }

    private let state: Mutex<State>
    private let work = Semaphore()
    private let finished = Semaphore()

    /// Takes the connection over, and runs until `close()`.
    init(_ connection: SQLiteConnection, statistics: SQLiteStatistics) {
        state = Mutex(State(connection: connection))
        Thread.start { [self] in
            var connection = state.withLock { $0.connection.take() }
            while waitForWork() {
                do throws(DatabaseError) { try connection?.checkpoint() } catch {
                    // Nothing is lost: the log keeps what could not be copied, and the next attempt copies it.
                    statistics.checkpointFailed()
                }
                state.withLock { $0.phase = .copied }
            }
            connection = nil
            finished.signal()
        }
    }

    private func waitForWork() -> Bool {
        work.wait()
        return state.withLock { !$0.isClosed }
    }

    /// Begins to copy the log; does nothing while it is being copied.
    func begin() {
        let begins = state.withLock { state in
            guard state.phase == .idle, !state.isClosed else { return false }
            state.phase = .copying
            return true
        }
        if begins { work.signal() }
    }

    /// Whether the log was copied since the last call, but for what was added meanwhile.
    func takeCopied() -> Bool {
        state.withLock { state in
            guard state.phase == .copied else { return false }
            state.phase = .idle
            return true
        }
    }

    /// Returns when the connection is closed.
    func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        work.signal()
        finished.wait()
    }
}
