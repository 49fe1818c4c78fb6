import BlobStore
import Database
import DatabaseSQLite
import Settings
import SystemCalls
import Telemetry

/// The directory that holds everything the service keeps.
enum DataDirectory {
    /// Opens the database in `directory`, making both where they are missing, readable by their owner only.
    static func openDatabase(in directory: String) throws -> SQLiteDatabase {
        do {
            try FileSystem.makeDirectory(directory)
            try requireNothingLost(in: directory)
            return try open(directory)
        } catch let error as ConfigurationError { throw error } catch {
            throw ConfigurationError("PORTCULLIS_DATA_DIR: \(error)")
        }
    }

    /// Opens the database that is in `directory`; a path that was mistyped must not become an empty one.
    static func openExistingDatabase(in directory: String) throws -> SQLiteDatabase {
        try requireDatabase(in: directory)
        do { return try open(directory) } catch { throw ConfigurationError("PORTCULLIS_DATA_DIR: \(error)") }
    }

    static func requireDatabase(in directory: String) throws {
        guard try !isEmpty(path(directory)) else {
            throw ConfigurationError("PORTCULLIS_DATA_DIR: there is no database at \(path(directory))")
        }
    }

    private static func path(_ directory: String) -> String { directory + "/portcullis.db" }

    private static func open(_ directory: String) throws(DatabaseError) -> SQLiteDatabase {
        let now = SystemTime().now()
        do { return try SQLiteDatabase(path: path(directory), now: now) } catch {
            // The log's index takes some room, also of a disk that has none.
            guard case .full = error, LocalBlobStore.giveUpReserve(of: directory) else { throw error }
        }
        return try SQLiteDatabase(path: path(directory), now: now)
    }

    /// A new, empty database beside the files of an earlier one would make the recovery take all of them for contents
    /// that nothing refers to, and remove them.
    private static func requireNothingLost(in directory: String) throws {
        guard try isEmpty(path(directory)), try isEmpty(path(directory) + "-wal") else { return }
        var found: [String] = []
        if try FileStatus.of(directory + "/node-id") != nil { found.append("node-id") }
        for place in ["blobs", "staging"] where try FileStatus.of("\(directory)/\(place)")?.kind == .directory {
            if try !FileSystem.names(in: "\(directory)/\(place)").isEmpty { found.append(place) }
        }
        guard !found.isEmpty else { return }
        throw ConfigurationError(
            "PORTCULLIS_DATA_DIR: the database \(path(directory)) is missing or empty, beside what an earlier one left "
                + "(\(found.joined(separator: ", "))). Restore the database from a backup; or, to begin anew and lose "
                + "the contents, remove blobs, staging, spool and node-id from \(directory)")
    }

    private static func isEmpty(_ path: String) throws -> Bool { (try FileStatus.of(path)?.size ?? 0) == 0 }

    static func openBlobs(_ settings: StorageSettings) throws(ConfigurationError) -> LocalBlobStore {
        do {
            return try LocalBlobStore(
                directory: settings.dataDirectory, maximumBytesInDatabase: settings.maximumBytesInDatabase,
                maximumBuffers: settings.spoolMemoryMegabytes)
        } catch {
            throw ConfigurationError("PORTCULLIS_DATA_DIR: \(error)")
        }
    }
}
