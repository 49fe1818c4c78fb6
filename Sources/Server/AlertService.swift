import Alerts
import Database
import Execution
import Settings
import Synchronization
import Telemetry
import WorkerPool

/// The mailer of alerts with its task.
final class AlertService: Sendable {
    private let mailer: AlertMailer
    private let executor: BlockingExecutor
    private let running = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter node: whose outages are watched.
    init(
        _ settings: AlertSettings, database: any DatabaseDriver, node: String, pool: ScanPool,
        _ executor: BlockingExecutor, _ log: Logger, _ metrics: MetricsRegistry
    ) throws(ConfigurationError) {
        self.executor = executor
        mailer = AlertMailer(
            database: database, configuration: try AlertConfiguration(settings), node: node, time: SystemTime(),
            log: log, metrics: AlertMetrics(metrics, database: database),
            isClassifierAvailable: { [presence = ClassifierPresence(pool)] in presence.isAvailable })
    }

    func start() {
        running.withLock { [mailer, executor] task in
            task = Task(executorPreference: executor) { await mailer.run() }
        }
    }

    /// Ends a mail that is under way within about a second; it is sent after the next start.
    func stop() async {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }
}

/// Whether uploads are scanned: workers live, and the queue had room and time for every upload since the last look.
private final class ClassifierPresence: Sendable {
    private let pool: ScanPool
    private let overflows = Mutex(0)

    init(_ pool: ScanPool) { self.pool = pool }

    var isAvailable: Bool {
        let count = pool.status.overflows
        let isOverloaded = overflows.withLock { seen in
            defer { seen = count }
            return count > seen
        }
        return pool.isAvailable && !isOverloaded
    }
}
