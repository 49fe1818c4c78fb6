import CSQLite
internal import Database
internal import Glibc

/// One connection to a database file, with its prepared statements.
///
/// A connection is used by one thread at a time: by the writer's own, or by whoever took it from the pool, whose lock
/// hands it on. SQLite's own mutexes are therefore off, and what changes here is `nonisolated(unsafe)` by that rule.
/// It owns the handle and every statement; both are given back in `deinit`.
@safe final class SQLiteConnection: Sendable {
    enum Mode {
        case readOnly
        /// A file that nobody writes: it is read without locks and without files beside it.
        case immutable
        case readWrite
    }

    nonisolated(unsafe) private let handle: OpaquePointer
    private let mode: Mode
    nonisolated(unsafe) private var statements: [String: SQLiteStatement] = [:]
    /// Statements are made from a fixed set of texts with a few variants; beyond this all are dropped.
    private static let maximumStatements = 256
    /// Written by SQLite after each commit, through the hook: the length of the write-ahead log in pages.
    nonisolated(unsafe) private let walPagesCell: UnsafeMutablePointer<Int32>
    /// When what runs is to be interrupted, monotonic milliseconds; read by SQLite's progress handler.
    nonisolated(unsafe) private let deadlineCell: UnsafeMutablePointer<Int64>

    init(path: String, mode: Mode, busyTimeoutMilliseconds: Int) throws(DatabaseError) {
        var opened: OpaquePointer?
        let access =
            switch mode {
            case .readOnly: SQLITE_OPEN_READONLY
            case .immutable: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            case .readWrite: SQLITE_OPEN_READWRITE
            }
        let name = mode == .immutable ? Self.immutableURI(path) : path
        let code = unsafe sqlite3_open_v2(name, &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let handle = unsafe opened else {
            let error = unsafe Self.error(of: opened, code: code, mode: mode)
            unsafe sqlite3_close_v2(opened)
            throw error
        }
        unsafe self.handle = handle
        self.mode = mode
        unsafe walPagesCell = .allocate(capacity: 1)
        unsafe walPagesCell.initialize(to: 0)
        unsafe deadlineCell = .allocate(capacity: 1)
        unsafe deadlineCell.initialize(to: .max)
        unsafe sqlite3_busy_timeout(handle, Int32(busyTimeoutMilliseconds))
    }

    private static func immutableURI(_ path: String) -> String {
        var escaped = ""
        for character in path {
            switch character {
            case "%": escaped += "%25"
            case "?": escaped += "%3f"
            case "#": escaped += "%23"
            default: escaped.append(character)
            }
        }
        return "file:\(escaped)?immutable=1"
    }

    deinit {
        // Closes the file when the last statement is finalized, which the dictionary does next.
        unsafe sqlite3_close_v2(handle)
        unsafe walPagesCell.deallocate()
        unsafe deadlineCell.deallocate()
    }

    /// Whether the file could be opened for reading only although writing was asked for.
    var isReadOnlyFile: Bool { unsafe sqlite3_db_readonly(handle, "main") == 1 }

    /// Whether no transaction is open. Some failures end the transaction by themselves.
    var isIdle: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

    // MARK: Deadlines

    /// Statements of the virtual machine between two looks at the clock.
    private static let operationsPerLook: Int32 = 10_000

    /// Interrupts what takes longer from now on; nil lifts the limit.
    func limitTime(milliseconds: Int64?) {
        guard let milliseconds else {
            unsafe deadlineCell.pointee = .max
            return
        }
        unsafe deadlineCell.pointee = Self.now() + milliseconds
        // The cell lives as long as the handle.
        unsafe sqlite3_progress_handler(
            handle, Self.operationsPerLook,
            { cell in
                guard let cell = unsafe cell else { return 0 }
                return unsafe SQLiteConnection.now() > cell.assumingMemoryBound(to: Int64.self).pointee ? 1 : 0
            }, deadlineCell)
    }

    private static func now() -> Int64 {
        var time = timespec()
        // The call writes one structure.
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: Errors

    private static func error(of handle: OpaquePointer?, code: Int32, mode: Mode) -> DatabaseError {
        let text = unsafe handle.map { unsafe sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
        let message = unsafe text.map { unsafe String(cString: $0) } ?? "code \(code)"
        var systemError: Int32 = 0
        if let handle = unsafe handle, [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xff) {
            systemError = unsafe sqlite3_system_errno(handle)
            // The library does not keep it for a commit that fails, but the log's file does.
            if systemError == 0 { systemError = unsafe logError(of: handle) }
        }
        return SQLiteError.map(
            code: code, message: message, systemError: systemError, isReadOnly: mode != .readWrite)
    }

    /// `errno` of the last system call that failed on the write-ahead log, 0 if none did.
    private static func logError(of handle: OpaquePointer) -> Int32 {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let status = unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard status == SQLITE_OK, let file = unsafe file, let methods = unsafe file.pointee.pMethods else { return 0 }
        var systemError: Int32 = 0
        _ = unsafe methods.pointee.xFileControl?(file, SQLITE_FCNTL_LAST_ERRNO, &systemError)
        return systemError
    }

    /// The checked entry point: every call of the library that can fail comes through here.
    private func check(_ code: Int32) throws(DatabaseError) {
        guard code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW else {
            throw unsafe Self.error(of: handle, code: code, mode: mode)
        }
    }

    // MARK: Statements

    /// Runs a statement without parameters and results.
    func run(_ sql: String) throws(DatabaseError) {
        _ = try query(sql, []) { _ throws(DatabaseError) in }
    }

    /// Runs a statement and tells how many rows it changed.
    func execute(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int {
        try run(sql, parameters)
        return Int(unsafe sqlite3_changes64(handle))
    }

    private func run(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) {
        _ = try query(sql, parameters) { _ throws(DatabaseError) in }
    }

    func query<T>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (inout Row) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> [T] {
        let statement = try takeStatement(sql)
        defer { giveBack(statement) }
        for (index, value) in parameters.enumerated() {
            try check(statement.bind(value, at: Int32(index + 1)))
        }
        var results: [T] = []
        while true {
            let code = statement.step()
            guard code == SQLITE_ROW else {
                try check(code)
                return results
            }
            var row = Row(values: statement.values)
            results.append(try decode(&row))
        }
    }

    /// A statement that is in use is not given out again, so that a decoder may run the same text.
    private func takeStatement(_ sql: String) throws(DatabaseError) -> SQLiteStatement {
        if let kept = unsafe statements[sql], !kept.isInUse {
            kept.isInUse = true
            return kept
        }
        var prepared: OpaquePointer?
        // The library copies the text.
        try check(
            unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil))
        guard let prepared = unsafe prepared else { throw .misuse("an empty statement") }
        let statement = unsafe SQLiteStatement(owning: prepared)
        statement.isInUse = true
        // One that is in use is finalized when its user lets it go.
        if unsafe statements.count >= Self.maximumStatements { unsafe statements.removeAll() }
        unsafe statements[sql] = statement
        return statement
    }

    private func giveBack(_ statement: SQLiteStatement) {
        statement.reset()
        statement.isInUse = false
    }

    // MARK: Write-ahead log

    /// Counts the pages of the log, and leaves checkpoints to `checkpoint()`: SQLite's own run inside a commit.
    func watchLog() {
        // The cell lives as long as the connection, and the hook is called on the connection's thread.
        unsafe sqlite3_wal_hook(
            handle,
            { cell, _, _, pages in
                unsafe cell?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, walPagesCell)
    }

    /// Length of the write-ahead log after the last commit, in pages.
    var logPages: Int { Int(unsafe walPagesCell.pointee) }

    /// Copies what is in the log to the database file, as far as no reader needs the log: waits for nobody.
    func checkpoint() throws(DatabaseError) {
        unsafe try check(sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil))
    }
}
