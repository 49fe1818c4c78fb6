import Crypto
import Database
import DatabaseSQLite
import Domain
import Glibc
import Telemetry

/// A process of its own beside the tests, for what one process cannot show: being killed in the middle of a write, and
/// two processes with one database file.
@main struct TestProcess {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else {
            report("usage: DatabaseTestProcess (uploads|spend|fill) DATABASE INTERNAL_ID")
            exit(64)
        }
        let database = try SQLiteDatabase(path: arguments[2], now: SystemTime().now())
        let uploader = Uploader(database: database, organization: InternalID(rawValue: arguments[3]))
        switch arguments[1] {
        case "uploads":
            // Runs until it is killed; what is reported was acknowledged.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<8 {
                    group.addTask {
                        while let upload = try await uploader.upload(node: "node_\(client)") {
                            report(upload.rawValue)
                        }
                    }
                }
                try await group.waitForAll()
            }
        case "spend":
            // Spends until nothing is left, beside others that do the same.
            var count = 0
            while try await uploader.upload(node: "node_spend") != nil { count += 1 }
            report("\(count)")
        case "fill":
            // Files may not grow beyond 1 MiB: to the database that is a disk without room.
            signal(SIGXFSZ, SIG_IGN)
            setFileSizeLimit(1 << 20)
            do throws(DatabaseError) {
                while try await uploader.upload(node: "node_fill") != nil {}
            } catch {
                report("\(error)")
            }
            // Reading goes on, and so does writing once there is room again.
            setFileSizeLimit(1 << 40)
            report(try await uploader.upload(node: "node_fill") == nil ? "refused" : "written")
        default:
            report("unknown command \(arguments[1])")
            exit(64)
        }
        database.close()
    }

    static func setFileSizeLimit(_ bytes: rlim_t) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { exit(71) }
        limit.rlim_cur = min(bytes, limit.rlim_max)
        guard unsafe setrlimit(resource, &limit) == 0 else { exit(71) }
    }

    /// One line on standard output, at once.
    static func report(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        guard unsafe write(STDOUT_FILENO, bytes, bytes.count) == bytes.count else { exit(74) }
    }
}

struct Uploader: Sendable {
    let database: SQLiteDatabase
    let organization: InternalID

    /// Holds, then captures in one transaction with a record; gives the upload, or nil without credits.
    func upload(node: String) async throws(DatabaseError) -> UploadID? {
        let organization = organization
        let now = SystemTime().now()
        let upload = RandomID.uploadID()
        let outcome = try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.credits.placeHold(
                organization: organization, amount: 2, upload: upload, node: node,
                expiresAt: now.adding(seconds: 3600), now: now)
        }
        guard case .placed(let hold, _) = outcome else { return nil }
        let hash = SHA256.hash(of: upload.rawValue)
        let policy = GatePolicy(plane: .shared, settings: GateSettings())
        let receipt = DecisionReceipt(
            decision: .accepted, reason: .notAnImage, threshold: 0.8, policy: policy, scannedAt: now,
            elapsedMilliseconds: 1, sha256: hash)
        let record = UploadRecord(
            id: upload, organization: organization, bucket: "default", filename: "file",
            declaredContentType: "text/plain", mediaType: .other, size: 5, sha256: hash, status: .completed,
            scanState: .skipped, metadata: [:], credits: 2, receipt: receipt, key: KeyID(rawValue: "key_test"),
            createdAt: now)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.uploads.insert(record)
            try transaction.blobs.retain(organization, hash, size: 5)
            guard case .captured = try transaction.credits.captureHold(hold, amount: 2, bytes: 5, now: now) else {
                throw .misuse("the hold was closed")
            }
        }
        return upload
    }
}
