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
                _ = connection?.copyLog(reportingTo: statistics)
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

    /// Returns when the connection is closed. For the one who made it, once.
    func close() {
        state.withLock { $0.isClosed = true }
        work.signal()
        finished.wait()
    }
}

extension SQLiteConnection {
    /// Copies what is in the log, as far as no reader needs it.
    /// - Returns: whether that succeeded.
    func copyLog(reportingTo statistics: SQLiteStatistics) -> Bool {
        do {
            try checkpoint()
            return true
        } catch {
            // Nothing is lost: the log keeps what could not be copied, and the next attempt copies it.
            statistics.checkpointFailed()
            return false
        }
    }
}
