import BlobStore
import Buckets
import Charge
import Database
import Domain
import Execution
import Gate
import Synchronization
import Telemetry
import UploadPipeline
import WorkerPool

/// What the service does beside requests: recovery at the start, then the unscanned debt and expiries.
final class Upkeep: Sendable {
    private let database: any DatabaseDriver
    private let blobs: LocalBlobStore
    private let register: UploadRegister
    private let quarantine: QuarantineRegister
    private let scanner: DebtScanner
    private let buckets: BucketUpkeep
    private let time: any TimeSource
    private let executor: BlockingExecutor
    private let log: Logger
    private let undos: UndoQueue
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(
        database: any DatabaseDriver, blobs: LocalBlobStore, register: UploadRegister, gate: UploadGate,
        pool: ScanPool, buckets: BucketUpkeep, undos: UndoQueue, time: any TimeSource, executor: BlockingExecutor,
        log: Logger,
        metrics: MetricsRegistry
    ) {
        self.undos = undos
        self.database = database
        self.blobs = blobs
        self.register = register
        self.buckets = buckets
        self.time = time
        self.executor = executor
        self.log = log
        scanner = DebtScanner(
            database: database, blobs: blobs, register: register, gate: gate, pool: pool, time: time, log: log,
            metrics: metrics)
        quarantine = QuarantineRegister(database: database, blobs: blobs, time: time)
    }

    private static let expiryIntervalSeconds = 60

    /// Makes of what a crash left either a complete upload or nothing of it. Runs before the first request.
    func recover() async throws {
        let (node, now) = (blobs.nodeID, time.now())
        let released = try await database.write { transaction throws(DatabaseError) in
            try transaction.idempotency.abandonAll(ofNode: node)
            return try transaction.credits.releaseHolds(ofNode: node, now: now)
        }
        try await buckets.recover()
        let leftOvers = try blobs.leftOvers()
        var removed = 0
        for leftOver in leftOvers where try settle(leftOver) { removed += 1 }
        removed += try await removeUnreferenced()
        log.info(
            "server.recovered",
            [
                "holds_released": .integer(Int64(released)), "spool_files": .integer(Int64(leftOvers.count)),
                "contents_removed": .integer(Int64(removed)),
            ])
    }

    /// - Returns: whether a content was removed.
    private func settle(_ leftOver: LocalBlobStore.LeftOver) throws -> Bool {
        let isReferenced = try database.read { transaction throws(DatabaseError) in
            guard let content = leftOver.content else { return false }
            return try transaction.blobs.isReferenced(content.organization, content.sha256)
        }
        return try blobs.settle(leftOver, isReferenced: isReferenced)
    }

    func start() {
        let running = [
            Task(executorPreference: executor) { [scanner] in await scanner.run() },
            Task(executorPreference: executor) { [self] in await expire() },
            Task(executorPreference: executor) { [undos] in await undos.run() },
        ]
        tasks.withLock { $0 = running }
    }

    func stop() async {
        let running = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    private func expire() async {
        while !Task.isCancelled {
            let now = time.now()
            do {
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.credits.expireHolds(now: now)
                    try transaction.idempotency.expire(now: now)
                }
                _ = try await removeUnreferenced()
                let purged = try await quarantine.purgeOverdue()
                if purged > 0 { log.info("quarantine.purged", ["count": .integer(Int64(purged))]) }
                try await buckets.sweep()
            } catch {
                log.error("upkeep.failed", ["detail": .string("\(error)")])
            }
            try? await Task.sleep(for: .seconds(Self.expiryIntervalSeconds))
        }
    }

    /// Ends deletions that did not get to remove their content.
    private func removeUnreferenced() async throws -> Int {
        let left = try database.read { transaction throws(DatabaseError) in try transaction.blobs.unreferenced() }
        for blob in left { try await register.removeContent(blob.internalID, blob.organization, blob.sha256) }
        return left.count
    }
}
