internal import Database
internal import Execution
internal import Synchronization

/// A bounded pool of connections for reading. Whoever finds it empty waits: reads are short, and one that is not is
/// interrupted.
final class SQLiteReaders: Sendable {
    private struct State {
        var idle: [SQLiteConnection]
        var isClosed = false
    }

    private let count: Int
    private let state: Mutex<State>
    private let permits = Semaphore()
    private let limitMilliseconds: Int64?

    init(
        path: String, mode: SQLiteConnection.Mode = .readOnly, count: Int, busyTimeoutMilliseconds: Int,
        limitMilliseconds: Int64?
    ) throws(DatabaseError) {
        var connections: [SQLiteConnection] = []
        for _ in 0..<count {
            let connection = try SQLiteConnection(
                path: path, mode: mode, busyTimeoutMilliseconds: busyTimeoutMilliseconds)
            try connection.run("PRAGMA trusted_schema = OFF")
            connections.append(connection)
        }
        self.count = count
        self.limitMilliseconds = limitMilliseconds
        state = Mutex(State(idle: connections))
        for _ in 0..<count { permits.signal() }
    }

    /// Runs `body` in a read transaction: all its statements see one snapshot.
    func read<T>(_ body: (any Transaction) throws(DatabaseError) -> T) throws(DatabaseError) -> T {
        permits.wait()
        defer { permits.signal() }
        guard let connection = state.withLock({ $0.isClosed ? nil : $0.idle.popLast() }) else { throw .closed }
        defer { state.withLock { $0.idle.append(connection) } }
        connection.limitTime(milliseconds: limitMilliseconds)
        try connection.run("BEGIN")
        let transaction = SQLiteTransaction(connection)
        let result: Result<T, DatabaseError>
        do {
            result = .success(try body(transaction))
        } catch {
            result = .failure(error)
        }
        transaction.end()
        connection.limitTime(milliseconds: nil)
        // Nothing was written; this only lets the snapshot go. A failure may have ended the transaction already.
        if !connection.isIdle { try connection.run("ROLLBACK") }
        return try result.get()
    }

    /// Waits for the reads that run, then closes the connections.
    func close() {
        for _ in 0..<count { permits.wait() }
        state.withLock { state in
            state.isClosed = true
            state.idle = []
        }
        for _ in 0..<count { permits.signal() }
    }
}
