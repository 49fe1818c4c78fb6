package import Database
package import Domain
internal import Glibc

/// The embedded database: one file in WAL mode, one writer thread with its own connection, several connections for
/// reading. Several processes, and several of these in one process, may have the same file open.
package final class SQLiteDatabase: DatabaseDriver {
    /// How a file is opened.
    package struct Options: Sendable {
        /// Reads that run at the same time; more wait.
        package var readConnections: Int
        /// How long a write waits for another process.
        package var busyTimeoutMilliseconds: Int
        /// A read that takes longer is interrupted, so that others do not wait for it.
        package var readLimitMilliseconds: Int64

        package init(
            readConnections: Int = 8, busyTimeoutMilliseconds: Int = 5_000, readLimitMilliseconds: Int64 = 10_000
        ) {
            self.readConnections = readConnections
            self.busyTimeoutMilliseconds = busyTimeoutMilliseconds
            self.readLimitMilliseconds = readLimitMilliseconds
        }
    }

    private let writer: SQLiteWriter
    private let readers: SQLiteReaders

    /// What the writer did, for metrics and tests.
    package var statistics: SQLiteStatistics { writer.statistics }

    /// Writes that wait for the writer, for metrics and tests.
    package var waitingWrites: Int { writer.waitingCount }

    /// Marks a file as a database of this service: "PTCL".
    static let applicationID: Int64 = 0x5054_434c

    /// Opens the file, makes it with mode 0600 where there is none, and brings its schema up to date.
    ///
    /// Throws `cannotOpen` where the path is not usable or not writable, `notADatabase` for a file of another kind,
    /// `busy` where another process keeps it locked, `newerSchema` for one that a later build wrote, `corrupt`, `full`.
    /// - Parameter now: noted as the time of the schema's changes.
    package init(path: String, options: Options = Options(), now: Timestamp) throws(DatabaseError) {
        try Self.create(path)
        do {
            let connection = try SQLiteConnection(
                path: path, mode: .readWrite, busyTimeoutMilliseconds: options.busyTimeoutMilliseconds)
            try Self.prepare(connection, now: now)
            readers = try SQLiteReaders(
                path: path, count: max(1, options.readConnections),
                busyTimeoutMilliseconds: options.busyTimeoutMilliseconds,
                limitMilliseconds: options.readLimitMilliseconds)
            let copying = try SQLiteConnection(
                path: path, mode: .readWrite, busyTimeoutMilliseconds: options.busyTimeoutMilliseconds)
            // The log is synced before it is copied, and the file after it.
            try copying.run("PRAGMA synchronous = FULL")
            writer = SQLiteWriter(connection, copying: copying)
        } catch {
            throw error.naming(path)
        }
    }

    deinit { close() }

    /// SQLite would make the file readable for all; what it adds later, `-wal` and `-shm`, takes this file's mode.
    ///
    /// A file that exists is not opened here, because closing any descriptor of it would drop the POSIX locks that
    /// another connection of this process has on it.
    private static func create(_ path: String) throws(DatabaseError) {
        var descriptor: Int32
        repeat {
            descriptor = unsafe open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else {
            switch errno {
            case EEXIST: return
            case ENOSPC, EDQUOT: throw .full("\(path) cannot be made (errno \(errno))")
            default: throw .cannotOpen("\(path) cannot be made: \(unsafe String(cString: strerror(errno)))")
            }
        }
        guard Glibc.close(descriptor) == 0 else { throw .inputOutput("\(path) cannot be closed (errno \(errno))") }
    }

    private static func prepare(_ connection: SQLiteConnection, now: Timestamp) throws(DatabaseError) {
        guard !connection.isReadOnlyFile else { throw .cannotOpen("the file is not writable") }
        let applicationID = try connection.value("PRAGMA application_id")
        let objectCount = try connection.value("SELECT COUNT(*) FROM sqlite_schema")
        guard applicationID == Self.applicationID || (applicationID == 0 && objectCount == 0) else {
            throw .notADatabase("an SQLite database of another application (\(objectCount) tables and indexes)")
        }
        let mode = try connection.query("PRAGMA journal_mode = WAL", []) { row throws(DatabaseError) in
            try row.text()
        }
        guard mode == ["wal"] else { throw .cannotOpen("the file system does not support write-ahead logging") }
        for setting in [
            "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF", "temp_store = MEMORY",
            "cache_size = -16384", "journal_size_limit = 67108864",
        ] {
            try connection.run("PRAGMA \(setting)")
        }
        connection.watchLog()
        try connection.run("BEGIN IMMEDIATE")
        do {
            let transaction = SQLiteTransaction(connection)
            try Migrator(SQLiteSchema.migrations).migrate(transaction, now: now)
            transaction.end()
            if applicationID == 0 { try connection.run("PRAGMA application_id = \(Self.applicationID)") }
            try connection.run("COMMIT")
        } catch {
            if !connection.isIdle { try connection.run("ROLLBACK") }
            throw error
        }
    }

    @discardableResult
    package func read<T: Sendable>(
        _ body: (any Transaction) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> T {
        try readers.read(body)
    }

    @discardableResult
    package func write<T: Sendable>(
        durability: Durability, _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(DatabaseError) -> T {
        let result: Result<T, DatabaseError> = await withCheckedContinuation { continuation in
            let job = SQLiteWriter.Job(durability: durability) { connection in
                let transaction = SQLiteTransaction(connection)
                defer { transaction.end() }
                do throws(DatabaseError) {
                    let value = try body(transaction)
                    return .init(failure: nil) { groupError in
                        continuation.resume(returning: groupError.map(Result.failure) ?? .success(value))
                    }
                } catch {
                    // What this body wrote is gone in any case, so its own error says more than the group's.
                    return .init(failure: error) { _ in continuation.resume(returning: .failure(error)) }
                }
            } refuse: { error in
                continuation.resume(returning: .failure(error))
            }
            do throws(DatabaseError) {
                try writer.enqueue(job)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    package func close() {
        // The last connection to close copies the log into the file and takes it away, which a reader may not do.
        readers.close()
        writer.close()
    }
}

extension SQLiteConnection {
    /// The only value of the first row, 0 without one.
    func value(_ sql: String) throws(DatabaseError) -> Int64 {
        try query(sql, []) { row throws(DatabaseError) in try row.integer() }.first ?? 0
    }
}

extension DatabaseError {
    /// The same error, saying which file.
    func naming(_ path: String) -> DatabaseError {
        switch self {
        case .cannotOpen(let detail): .cannotOpen("\(path): \(detail)")
        case .notADatabase(let detail): .notADatabase("\(path): \(detail)")
        case .corrupt(let detail): .corrupt("\(path): \(detail)")
        case .busy(let detail): .busy("\(path): \(detail)")
        case .full(let detail): .full("\(path): \(detail)")
        case .inputOutput(let detail): .inputOutput("\(path): \(detail)")
        default: self
        }
    }
}
