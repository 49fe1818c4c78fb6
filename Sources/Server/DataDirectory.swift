import BlobStore
import Database
import DatabaseSQLite
import SystemCalls
import Telemetry

/// The directory that holds everything the service keeps.
enum DataDirectory {
    /// Opens the database in `directory`, making both where they are missing, readable by their owner only.
    static func openDatabase(in directory: String) throws -> SQLiteDatabase {
        do {
            try FileSystem.makeDirectory(directory)
            return try SQLiteDatabase(path: "\(directory)/portcullis.db", now: SystemTime().now())
        } catch { throw ConfigurationError("PORTCULLIS_DATA_DIR: \(error)") }
    }

    static func openBlobs(in directory: String) throws(ConfigurationError) -> LocalBlobStore {
        do { return try LocalBlobStore(directory: directory) } catch {
            throw ConfigurationError("PORTCULLIS_DATA_DIR: \(error)")
        }
    }
}
