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
    private let verdicts: VerdictSweep
    private let buckets: BucketUpkeep
    private let time: any TimeSource
    private let executor: BlockingExecutor
    private let log: Logger
    private let undos: UndoQueue
    private let tasks = Mutex<[Task<Void, Never>]>([])
    private let recovered = Atomic(false)
    private let clock = Mutex<String?>(nil)

    /// What is wrong with the machine's clock, as of the last look; nil for nothing.
    var clockProblem: String? { clock.withLock { $0 } }

    /// Whether what the last run left is settled. Until then nothing may begin that the recovery would take for it.
    var isRecovered: Bool { recovered.load(ordering: .acquiring) }

    init(
        database: any DatabaseDriver, blobs: LocalBlobStore, register: UploadRegister, gate: UploadGate,
        pool: ScanPool, verdicts: VerdictSweep, buckets: BucketUpkeep, undos: UndoQueue, time: any TimeSource,
        executor: BlockingExecutor,
        log: Logger,
        metrics: MetricsRegistry
    ) {
        self.undos = undos
        self.verdicts = verdicts
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

    /// A period that began later than now was begun with a clock that was ahead. The account stays in it, so that no
    /// allowance is given twice, and gets its next one that much too late.
    private func checkClock() throws {
        let now = time.now()
        let latest = try database.read { transaction throws(DatabaseError) in
            try transaction.credits.latestPeriodStart()
        }
        let problem = latest.flatMap { $0 > now ? "behind: a billing period begins at \($0.iso8601)" : nil }
        let isNew = clock.withLock { known in
            defer { known = problem }
            return known != problem
        }
        guard let problem, isNew else { return }
        log.warning("clock.behind", ["detail": .string("The clock is \(problem)."), "now": .string(now.iso8601)])
    }

    private static let expiryIntervalSeconds = 60
    private static let recoveryIntervalSeconds = 5

    /// Recovers. Where there is no room to write down what is settled, that waits for the upkeep: a service that serves
    /// what it has, and deletes, is worth more than none.
    func recoverOrPostpone() async throws {
        try checkClock()
        do {
            try await recover()
            recovered.store(true, ordering: .releasing)
        } catch  where Self.isLackOfRoom(error) {
            log.error("server.recovery_postponed", ["detail": .string("\(error)")])
        }
    }

    private static func isLackOfRoom(_ error: any Error) -> Bool {
        switch error {
        case DatabaseError.full, BlobStoreError.full: true
        case let failure as Failure: failure.code == .insufficientStorage
        default: false
        }
    }

    /// Makes of what a crash left either a complete upload or nothing of it. Runs before the first upload.
    private func recover() async throws {
        for path in try blobs.strayPaths() {
            log.warning("storage.stray_file", ["path": .string(path), "detail": "It is no upload's, and is ignored."])
        }
        let (node, now) = (blobs.nodeID, time.now())
        let released = try await database.write(makingRoom: blobs.giveUpReserve) { transaction throws(DatabaseError) in
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

    /// - Parameter onRecovery: called once, when a recovery that was postponed is done.
    func start(onRecovery: @escaping @Sendable () async throws -> Void) {
        let running = [
            Task(executorPreference: executor) { [scanner] in await scanner.run() },
            Task(executorPreference: executor) { [self] in await expire(onRecovery) },
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

    private func expire(_ onRecovery: @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            let (now, blobs) = (time.now(), blobs)
            do {
                try checkClock()
                // What frees room comes before what only needs it.
                do { try await buckets.sweep() } catch { report(error) }
                if !isRecovered {
                    try await recoverOrPostpone()
                    if isRecovered { try await onRecovery() }
                }
                try await database.write(makingRoom: blobs.giveUpReserve) { transaction throws(DatabaseError) in
                    try transaction.credits.expireHolds(now: now)
                    try transaction.idempotency.expire(now: now)
                }
                _ = try await removeUnreferenced()
                let purged = try await quarantine.purgeOverdue()
                if purged > 0 { log.info("quarantine.purged", ["count": .integer(Int64(purged))]) }
                let forgotten = try await verdicts.run()
                if forgotten > 0 { log.info("verdicts.removed", ["count": .integer(Int64(forgotten))]) }
                try blobs.takeReserve()
            } catch {
                report(error)
            }
            let pause = isRecovered ? Self.expiryIntervalSeconds : Self.recoveryIntervalSeconds
            try? await Task.sleep(for: .seconds(pause))
        }
    }

    private func report(_ error: any Error) { log.error("upkeep.failed", ["detail": .string("\(error)")]) }

    /// Ends deletions that did not get to remove their content.
    private func removeUnreferenced() async throws -> Int {
        let left = try database.read { transaction throws(DatabaseError) in try transaction.blobs.unreferenced() }
        for blob in left { try await register.removeContent(blob.internalID, blob.organization, blob.sha256) }
        return left.count
    }
}
