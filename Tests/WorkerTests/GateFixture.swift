import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import Gate
import Synchronization
import SystemCalls
import TestSupport
import WorkerPool

/// The gate in front of a pool of workers that do what files say, with a database, and a threshold and a clock that a
/// test sets.
final class GateFixture: Sendable {
    let workers: PoolFixture
    let database: SQLiteDatabase
    let gate: UploadGate
    let sweep: VerdictSweep
    let organizations: [Organization]
    private let settings: Settings

    private final class Settings: TimeSource {
        let threshold = Mutex(0.8)
        let moment = Mutex(Timestamp(milliseconds: 1_800_000_000_000))
        func now() -> Timestamp { moment.withLock { $0 } }
    }

    init(
        workers count: Int = 1, retentionDays: Int = 30, maximumVerdicts: Int = 1_000,
        _ change: (inout WorkerPoolConfiguration) -> Void = { _ in }
    ) async throws {
        let settings = Settings()
        self.settings = settings
        workers = try PoolFixture.hostile(workers: count) { configuration in
            // Nothing here depends on how fast the machine is.
            (configuration.deadlineMilliseconds, configuration.queueWaitMilliseconds) = (60_000, 60_000)
            change(&configuration)
        }
        database = try SQLiteDatabase(path: workers.directory.path + "/portcullis.db", now: settings.now())
        gate = UploadGate(
            database: database,
            cache: VerdictCache(
                database: database, pool: workers.pool, retentionDays: retentionDays, time: settings,
                metrics: workers.registry),
            threshold: { settings.threshold.withLock { $0 } }, time: settings,
            backlog: ScanBacklog(maximumWaitMilliseconds: workers.pool.queueWaitMilliseconds))
        sweep = VerdictSweep(
            database: database, pool: workers.pool, retentionDays: retentionDays, maximumCount: maximumVerdicts,
            time: settings)
        organizations = (0..<2).map { _ in
            Organization(
                internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "O", tier: .pro,
                createdAt: settings.now(), updatedAt: settings.now())
        }
        let organizations = organizations
        try await database.write { transaction throws(DatabaseError) in
            for organization in organizations { try transaction.organizations.insert(organization) }
        }
        try await workers.waitUntilReady()
    }

    deinit { database.close() }

    func setThreshold(_ threshold: Double) { settings.threshold.withLock { $0 = threshold } }
    func advance(days: Int64) { settings.moment.withLock { $0 = $0.adding(seconds: days * 86_400) } }

    /// Checks a file that says `text`, and keeps the verdict as the commit of an upload does.
    func check(
        _ text: String, _ type: MediaType = .png, organization index: Int = 0, keeps: Bool = true
    ) async throws -> GateCheck {
        let path = try workers.directory.write(Array(text.utf8), to: UUID().uuidString)
        return try await check(path: path, SHA256.hash(of: text), type, organization: index, keeps: keeps)
    }

    private func check(
        path: String, _ sha256: ContentHash, _ type: MediaType, organization index: Int, keeps: Bool
    ) async throws -> GateCheck {
        let organization = organizations[index]
        let check = try await gate.check(
            GateSubject(
                mediaType: type, sha256: sha256, organization: organization.internalID, organizationID: organization.id
            ) { () throws(Failure) in
                do throws(SystemCallError) { return try FileSystem.open(path, .read) } catch {
                    throw Failure(.internal, privateDetail: "\(error)")
                }
            })
        if keeps, let verdict = check.verdict {
            try await database.write { transaction throws(DatabaseError) in try transaction.verdicts.keep(verdict) }
        }
        return check
    }

    /// A check that occupies a worker until it is let go.
    struct Held: Sendable {
        fileprivate let path: String
        fileprivate let task: Task<GateCheck, any Error>

        func letGo() async throws -> GateCheck {
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.write(contentsOf: Array("d".utf8))
            try file.close()
            return try await task.value
        }
    }

    static let heldText = "hold on"

    /// Returns when a worker is busy with a file that says `heldText`.
    func hold(organization index: Int = 0) async throws -> Held {
        let path = try workers.directory.write(Array(Self.heldText.utf8), to: UUID().uuidString)
        let task = Task {
            try await check(path: path, SHA256.hash(of: Self.heldText), .png, organization: index, keeps: true)
        }
        try await workers.wait { $0.busy == 1 }
        return Held(path: path, task: task)
    }

    func kept() throws -> Int {
        try database.read { transaction throws(DatabaseError) in try transaction.verdicts.count() }
    }

    /// Scans that the workers made, whatever came of them.
    var scans: Double {
        ["scored", "unscannable", "unsupported", "unavailable"].reduce(0) {
            $0 + (workers.metric("portcullis_scans_total{outcome=\"\($1)\"}") ?? 0)
        }
    }

    func lookUps(_ result: String) -> Double? {
        workers.metric("portcullis_verdict_cache_total{result=\"\(result)\"}")
    }
}
