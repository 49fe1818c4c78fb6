import Domain
import Execution
import Synchronization
import SystemCalls
package import Telemetry

/// Scores files in sandboxed worker processes, which it starts, watches, replaces and shares out.
///
/// One thread of its own supervises them, because a worker is bound to the life of the *thread* that started it.
package final class ScanPool: Sendable {
    private let configuration: WorkerPoolConfiguration
    private let log: Logger
    private let metrics: PoolMetrics
    private let mailbox: Mailbox
    private let board: StatusBoard
    private let isStarted = Atomic(false)
    private let nextID = Atomic<UInt64>(1)

    /// Starts nothing yet.
    package init(configuration: WorkerPoolConfiguration, log: Logger, metrics: MetricsRegistry) {
        precondition(configuration.workers > 0, "a pool has at least one worker")
        self.configuration = configuration
        self.log = log
        self.metrics = PoolMetrics(metrics)
        mailbox = Mailbox()
        board = StatusBoard(configured: configuration.workers)
        self.metrics.show(board.status)
    }

    deinit { _ = mailbox.post(.shutDown(nil)) }

    /// Returns at once; workers come up on their own. Further calls do nothing.
    package func start() {
        guard isStarted.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        Thread.start { [configuration, log, metrics, mailbox, board] in
            let supervisor = Supervisor(
                configuration: configuration, log: log, metrics: metrics, mailbox: mailbox, board: board)
            supervisor.run()
        }
    }

    /// Kills the workers and answers what waits as unavailable. Returns when no process is left.
    package func shutDown() async {
        // Without a thread there is nobody to answer.
        guard isStarted.load(ordering: .relaxed) else { return }
        await withCheckedContinuation { continuation in
            if !mailbox.post(.shutDown(continuation)) { continuation.resume() }
        }
    }

    /// Scores one file. Waits its turn; a file that breaks a worker is tried on one other. Cancelling the task takes it
    /// out of the queue; a scan that is running goes on to its end.
    package func scan(_ job: ScanJob) async -> ScanOutcome { await report(on: job).outcome }

    /// The same, and by what it was scanned.
    package func report(on job: ScanJob) async -> ScanReport {
        let report = await handOver(job)
        metrics.count(report.outcome)
        return report
    }

    /// Takes the classifier out of service, or back. Scans that run go on to their end.
    package func setOutOfService(_ down: Bool) {
        board.update { status in
            status.outOfService = down
            // The supervisor says what else may be wrong, at its next turn.
            if !down, status.unavailableReason == .outOfService { status.unavailableReason = nil }
        }
        if down { _ = mailbox.post(.clearQueue) }
        log.warning(down ? "classifier_out_of_service" : "classifier_in_service")
    }

    package var status: WorkerPoolStatus { board.status }

    /// How long a scan waits for a worker at most.
    package var queueWaitMilliseconds: Int { configuration.queueWaitMilliseconds }
    /// How many may wait.
    package var queueLength: Int { configuration.queueLength }

    /// Whether a worker is live and the pool in service.
    package var isAvailable: Bool {
        let status = board.status
        return status.live > 0 && !status.outOfService
    }

    private func handOver(_ job: ScanJob) async -> ScanReport {
        guard MediaType.decodable.contains(job.mediaType) else {
            return ScanReport(outcome: .unsupported("\(job.mediaType.rawValue) is not decoded by this build"))
        }
        guard isStarted.load(ordering: .relaxed) else {
            return ScanReport(outcome: .unavailable(.noWorker, retryAfterSeconds: 1))
        }
        do {
            if try OwnedDescriptor.isReadOnly(job.descriptor) { return await wait(for: job) }
            var job = job
            let again = try OwnedDescriptor(readingAgain: job.descriptor)
            job.descriptor = again.rawValue
            let report = await wait(for: job)
            // Keeps the descriptor open until here.
            _ = consume again
            return report
        } catch {
            log.error("scan_hand_over_failed", ["error": .string(error.description)])
            return ScanReport(outcome: .unavailable(.handOverFailed, retryAfterSeconds: 1))
        }
    }

    private func wait(for job: ScanJob) async -> ScanReport {
        let id = nextID.wrappingAdd(1, ordering: .relaxed).oldValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let scan = PendingScan(
                    id: id, job: job, continuation: continuation, queuedAt: SystemTime.monotonicSeconds())
                guard mailbox.post(.scan(scan)) else {
                    return continuation.resume(
                        returning: ScanReport(outcome: .unavailable(.shuttingDown, retryAfterSeconds: 5)))
                }
                // A cancellation that came before the scan was posted found nothing to take out.
                if Task.isCancelled { _ = mailbox.post(.cancel(id: id)) }
            }
        } onCancel: {
            _ = mailbox.post(.cancel(id: id))
        }
    }
}
