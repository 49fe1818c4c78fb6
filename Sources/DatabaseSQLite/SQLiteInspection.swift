package import Database
internal import Glibc

/// A database file, opened to be looked at: nothing is made, migrated or written, also beside a service that works with
/// it.
package final class SQLiteInspection: DatabaseDriver {
    private let readers: SQLiteReaders
    private let path: String
    private let mode: SQLiteConnection.Mode
    private let changedAt: Int64?

    private static let busyTimeoutMilliseconds = 5_000

    /// Throws `cannotOpen` where there is no file, `notADatabase`, `olderSchema` and `newerSchema` for one that this
    /// build does not work with, `corrupt`.
    package init(path: String) throws(DatabaseError) {
        self.path = path
        changedAt = Self.lastChange(path)
        mode = Self.isInUse(path) ? .readOnly : .immutable
        do {
            // Two: while a snapshot is read, single questions are asked about what happened since.
            readers = try SQLiteReaders(
                path: path, mode: mode, count: 2, busyTimeoutMilliseconds: Self.busyTimeoutMilliseconds,
                limitMilliseconds: nil)
            try Self.check(try Self.connect(path, mode))
        } catch {
            throw error.naming(path)
        }
    }

    /// Whoever has a database of this service open has its log beside it, and whoever closes it as the last takes that
    /// away. Without one, reading as usual would make it, and leave it there.
    private static func isInUse(_ path: String) -> Bool { unsafe access(path + "-wal", F_OK) == 0 }

    /// Whether somebody began to use a file that was read as one that nobody uses, so that what was read of it may not
    /// be of one moment. Whoever is done again has left a changed file, if it wrote at all.
    package var wasDisturbed: Bool {
        mode == .immutable && (Self.isInUse(path) || Self.lastChange(path) != changedAt)
    }

    /// When a file's bytes last changed, in nanoseconds; nil where it cannot be told.
    private static func lastChange(_ path: String) -> Int64? {
        var status = stat()
        // The call writes one structure.
        guard unsafe lstat(path, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }

    private static func connect(
        _ path: String, _ mode: SQLiteConnection.Mode
    ) throws(DatabaseError) -> SQLiteConnection {
        try SQLiteConnection(path: path, mode: mode, busyTimeoutMilliseconds: busyTimeoutMilliseconds)
    }

    private static func check(_ connection: SQLiteConnection) throws(DatabaseError) {
        let applicationID = try connection.value("PRAGMA application_id")
        guard applicationID == SQLiteDatabase.applicationID else {
            throw .notADatabase("an SQLite database of another application")
        }
        let supported = Migrator(SQLiteSchema.migrations).latestVersion
        let found = Int(try connection.value("SELECT COALESCE(MAX(version), 0) FROM schema_version"))
        guard found <= supported else { throw .newerSchema(found: found, supported: supported) }
        guard found == supported else { throw .olderSchema(found: found, expected: supported) }
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
        throw .misuse("the database was opened to be looked at")
    }

    package func close() { readers.close() }

    /// What SQLite itself finds wrong with the file: broken pages, indexes that disagree with their tables, references
    /// to rows that are not there. At most `limit` of each.
    package func problems(limit: Int = 100) throws(DatabaseError) -> [String] {
        let connection = try Self.connect(path, mode)
        let damage = try connection.query("PRAGMA integrity_check(\(limit))", []) { row throws(DatabaseError) in
            try row.text()
        }
        let dangling = try connection.query(
            "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT \(limit)", []
        ) { row throws(DatabaseError) in
            let (table, number, parent) = (try row.text(), try row.optionalInteger(), try row.text())
            return "a row\(number.map { " (\($0))" } ?? "") of \(table) refers to a row of \(parent) that is not there"
        }
        return damage.filter { $0 != "ok" } + dangling + (try missingTriggers(connection))
    }

    /// What keeps ledger and counts right whoever writes: a database without it accepts what this service never writes.
    private func missingTriggers(_ connection: SQLiteConnection) throws(DatabaseError) -> [String] {
        let found = try connection.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'", []) {
            row throws(DatabaseError) in try row.text()
        }
        let expected = [
            "credit_ledger_no_update", "credit_ledger_no_delete", "bucket_uploads_counted", "bucket_uploads_recounted",
        ]
        return expected.filter { !found.contains($0) }.map { "the trigger \($0) is missing" }
    }

    /// Changes a file that `copy` made, and that nobody has open, in one transaction.
    package static func amend(
        copy path: String, _ body: (any Transaction) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        do {
            let connection = try SQLiteConnection(
                path: path, mode: .readWrite, busyTimeoutMilliseconds: busyTimeoutMilliseconds)
            try check(connection)
            try connection.run("BEGIN IMMEDIATE")
            let transaction = SQLiteTransaction(connection)
            defer { transaction.end() }
            try body(transaction)
            try connection.run("COMMIT")
        } catch {
            throw error.naming(path)
        }
    }

    /// Writes what is committed now to a new database file, in one snapshot and without waiting for writers. The file
    /// is there and empty, and is not synced.
    package func copy(to path: String) throws(DatabaseError) {
        do {
            let connection = try Self.connect(self.path, mode)
            _ = try connection.query("VACUUM INTO ?1", [.text(path)]) { _ throws(DatabaseError) in }
        } catch {
            throw error.naming(path)
        }
    }
}
