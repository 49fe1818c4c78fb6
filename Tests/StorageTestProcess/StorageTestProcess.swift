import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Glibc
import Telemetry

/// A process of its own beside the tests, for what one process cannot show: being killed in the middle of a write, two
/// processes with one database file, and a file system without room. It reports on standard error.
@main struct StorageTestProcess {
    static func main() async {
        do { try await run() } catch {
            report("StorageTestProcess: \(error)")
            exit(70)
        }
    }

    private static func run() async throws {
        let arguments = CommandLine.arguments
        switch (arguments.count > 1 ? arguments[1] : "", arguments.count) {
        case ("uploads", 4): try await uploads(uploader(arguments))
        case ("spend", 6): try await spend(uploader(arguments), arguments)
        case ("fill", 4): try await fill(uploader(arguments))
        case ("churn", 5): try await churn(arguments)
        case ("hold", 3): try hold(arguments[2])
        case ("spool", 4): try await spool(arguments[2], maximumBuffers: Int(arguments[3]) ?? 0)
        default:
            report("usage: StorageTestProcess (uploads|spend|fill|churn|hold|spool) …")
            exit(64)
        }
    }

    private static func uploader(_ arguments: [String]) throws -> Uploader {
        let database = try SQLiteDatabase(path: arguments[2], now: SystemTime().now())
        return Uploader(database: database, organization: InternalID(rawValue: arguments[3]))
    }

    /// Runs until it is killed; what is reported was acknowledged.
    private static func uploads(_ uploader: Uploader) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask {
                    while let upload = try await uploader.upload(node: "node_\(client)") { report(upload.rawValue) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Spends until nothing is left, beside another that does the same: database, organization, own name, the other's. They
    /// wait for each other, or the one that starts first may have spent all before the other is there.
    private static func spend(_ uploader: Uploader, _ arguments: [String]) async throws {
        guard unsafe close(open(arguments[2] + arguments[4], O_CREAT | O_WRONLY, 0o600)) == 0 else { exit(74) }
        while unsafe access(arguments[2] + arguments[5], F_OK) != 0 { usleep(1_000) }
        var count = 0
        while try await uploader.upload(node: "node_spend") != nil { count += 1 }
        report("\(count)")
        uploader.database.close()
    }

    /// Files may not grow beyond 1 MiB: to the database that is a disk without room.
    private static func fill(_ uploader: Uploader) async throws {
        setFileSizeLimit(1 << 20)
        do throws(DatabaseError) {
            while try await uploader.upload(node: "node_fill") != nil {}
        } catch {
            report("\(error)")
        }
        setFileSizeLimit(1 << 40)
        report(try await uploader.upload(node: "node_fill") == nil ? "refused" : "written")
        uploader.database.close()
    }

    /// Uploads and deletes contents of a few kinds until it is killed: data directory, organization, its internal id.
    private static func churn(_ arguments: [String]) async throws {
        let database = try SQLiteDatabase(path: arguments[2] + "/portcullis.db", now: SystemTime().now())
        let churner = Churner(
            database: database, store: try LocalBlobStore(directory: arguments[2], maximumBuffers: 4),
            organization: OrganizationID(rawValue: arguments[3]), internalID: InternalID(rawValue: arguments[4]))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    while true { try await churner.step() }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Takes a data directory over and keeps it until it is killed.
    private static func hold(_ path: String) throws {
        let store = try LocalBlobStore(directory: path)
        report(store.nodeID)
        while true { pause() }
    }

    /// Writes a spool file into a file system without room.
    private static func spool(_ path: String, maximumBuffers: Int) async throws {
        let store = try LocalBlobStore(directory: path, maximumBuffers: maximumBuffers)
        setFileSizeLimit(100_000)
        let file = try store.makeSpoolFile(RandomID.uploadID(), atMost: 300_000)
        do throws(BlobStoreError) {
            for _ in 0..<10 { try file.append([UInt8](repeating: 7, count: 30_000)) }
            _ = file.finish()
            try await store.store(file, organization: RandomID.organizationID())
        } catch {
            report("\(error)")
        }
        try file.discard()
    }

    static func setFileSizeLimit(_ bytes: rlim_t) {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { exit(71) }
        limit.rlim_cur = min(bytes, limit.rlim_max)
        guard unsafe setrlimit(resource, &limit) == 0 else { exit(71) }
    }

    /// One line, at once.
    static func report(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        guard unsafe write(STDERR_FILENO, bytes, bytes.count) == bytes.count else { exit(74) }
    }
}
