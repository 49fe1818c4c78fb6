import Admission
import Authentication
import BlobStore
import Buckets
import Charge
import Crypto
import Database
import DatabaseSQLite
import Delivery
import Domain
import Endpoints
import Execution
import Gate
import Glibc
import HTTP
import Operations
import Settings
import Spool
import Store
import Telemetry
import Tenancy
import Transfer
import UploadPipeline
import WorkerPool

/// The composition root: every part is made here, once, and given what it needs.
final class Service: Sendable {
    private let settings: ServiceSettings
    private let log: Logger
    private let database: SQLiteDatabase
    private let classifier: ClassifierSetup
    private let upkeep: Upkeep
    private let alerts: AlertService
    private let confirmations: ConfirmationQueue
    private let webhooks: WebhookDispatcher
    private let publicServer: HTTPServer
    private let privateServer: HTTPServer?

    init(settings: ServiceSettings, log: Logger) throws {
        self.settings = settings
        self.log = log
        let time = SystemTime()
        let metrics = MetricsRegistry()
        let executor = BlockingExecutor(threads: settings.listeners.blockingThreads)

        let database = try Self.openDatabase(in: settings.storage.dataDirectory, metrics)
        self.database = database
        let blobs = try DataDirectory.openBlobs(settings.storage)
        classifier = ClassifierSetup(settings.classifier, log: log, metrics: metrics)
        let authenticator = Authenticator(
            database: database,
            attempts: FailedAttempts(limit: settings.accounts.failedAuthenticationLimit, time: time), time: time)
        let limiter = RateLimiter(time: time)
        let gate = classifier.gate(database, settings.storage, time, metrics)
        let register = UploadRegister(
            database: database, blobs: blobs, time: time, retentionDays: settings.storage.rejectedRetentionDays)
        let services = UploadServices(
            authenticator: authenticator, limiter: limiter,
            credits: CreditAdmission(
                database: database, time: time, node: blobs.nodeID, holdSeconds: settings.accounts.holdSeconds),
            receiver: UploadReceiver(blobs: blobs), gate: gate, content: ContentStore(blobs: blobs, database: database),
            register: register, blobs: blobs, database: database, time: time, metrics: UploadMetrics(metrics),
            log: log)
        let buckets = BucketEndpoints(services, publicURL: settings.listeners.publicURL, executor: executor)
        confirmations = buckets.queue
        upkeep = Upkeep(
            database: database, blobs: blobs, register: register, gate: gate, pool: classifier.pool,
            verdicts: classifier.sweep(database, settings.storage, time), buckets: buckets.upkeep,
            undos: services.undos, time: time, executor: executor, log: log, metrics: metrics)
        let vault = try Self.vault(settings.accounts, database, log)
        let targets = try Self.targets(settings.webhooks)
        webhooks = Self.dispatcher(settings.webhooks, targets, vault, database, blobs, time, log, metrics)

        alerts = try AlertService(
            settings.alerts, database: database, node: blobs.nodeID, pool: classifier.pool, executor, log, metrics)
        // Routers.
        let health = Self.health(database, blobs, classifier.pool, upkeep)
        var publicRouter = Router()
        let routes = AuthenticatedRoutes(
            authenticator: authenticator, limiter: limiter, readAudit: ReadAudit(database: database, time: time))
        UploadEndpoints(services: services).register(on: &publicRouter, routes)
        buckets.register(on: &publicRouter, routes)
        Tenants(
            database: database, time: time, rateLimitCeiling: settings.accounts.rateLimitCeiling,
            selfServiceCredits: settings.accounts.selfServiceCredits, vault: vault, targets: targets
        ).register(on: &publicRouter, routes)
        health.register(on: &publicRouter)
        OpenAPIDocument.register(on: &publicRouter, title: "Portcullis", version: HelpText.version)

        publicServer = try Self.server(
            settings.listeners, address: settings.listeners.publicAddress, name: "public", executor, log, metrics,
            Self.handler(publicRouter, upkeep))
        if let token = settings.listeners.privateToken {
            var privateRouter = Router()
            let privateRoutes = PrivateRoutes(
                token: token,
                attempts: FailedAttempts(limit: settings.accounts.failedAuthenticationLimit, time: time))
            Self.register(
                on: &privateRouter, privateRoutes, database: database, blobs: blobs, pool: classifier.pool, metrics,
                log, time)
            health.register(on: &privateRouter)
            privateServer = try Self.server(
                settings.listeners, address: settings.listeners.privateAddress, name: "private", executor, log,
                metrics, Self.handler(privateRouter, upkeep))
        } else {
            privateServer = nil
        }
    }

    private static func openDatabase(in directory: String, _ metrics: MetricsRegistry) throws -> SQLiteDatabase {
        let database = try DataDirectory.openDatabase(in: directory)
        let statistics = database.statistics
        metrics.counter("portcullis_database_writes_total", help: "Writes that were committed.") {
            Double(statistics.writes)
        }
        metrics.counter(
            "portcullis_database_commits_total", help: "Commits; writes that wait at the same time share one."
        ) { Double(statistics.commits) }
        metrics.counter("portcullis_database_syncs_total", help: "Commits that waited for the disk.") {
            Double(statistics.syncs)
        }
        metrics.counter(
            "portcullis_database_failures_total", help: "Checkpoints and rollbacks of the database that failed."
        ) { Double(statistics.failures) }
        return database
    }

    private static func health(
        _ database: SQLiteDatabase, _ blobs: LocalBlobStore, _ pool: ScanPool, _ upkeep: Upkeep
    ) -> HealthEndpoints {
        HealthEndpoints(
            database: database, pool: pool, freeBytes: { blobs.isWritable ? try? blobs.freeBytes() : nil },
            clockProblem: { upkeep.clockProblem })
    }

    /// The operator's routes.
    private static func register(
        on router: inout Router, _ routes: PrivateRoutes, database: SQLiteDatabase, blobs: LocalBlobStore,
        pool: ScanPool, _ metrics: MetricsRegistry, _ log: Logger, _ time: SystemTime
    ) {
        PrivateOrganizationEndpoints(directory: OrganizationDirectory(database: database, time: time))
            .register(on: &router, routes)
        QuarantineEndpoints(directory: QuarantineDirectory(database: database, blobs: blobs, time: time))
            .register(on: &router, routes)
        ClassifierEndpoints(pool: pool, database: database, log: log).register(on: &router, routes)
        MetricsEndpoint(registry: metrics).register(on: &router)
        OpenAPIDocument.register(on: &router, title: "Portcullis, the operator's side", version: HelpText.version)
    }

    /// Repairs what a crash left, then serves.
    func start() throws {
        if let problem = classifier.manifestProblem {
            log.error("classifier.no_manifest", ["detail": .string(problem)])
        }
        classifier.pool.start()
        let upkeep = upkeep
        try runBlocking { try await upkeep.recoverOrPostpone() }
        let confirmations = confirmations
        if upkeep.isRecovered { try runBlocking { try await confirmations.resume() } }
        upkeep.start(onRecovery: confirmations.resume)
        webhooks.start()
        alerts.start()
        try publicServer.start()
        announce(publicServer, "public", settings.listeners.publicAddress)
        if let privateServer {
            try privateServer.start()
            announce(privateServer, "private", settings.listeners.privateAddress)
        } else {
            log.warning("server.private_listener_off", ["reason": "PORTCULLIS_PRIVATE_TOKEN is not set"])
        }
    }

    /// Lets requests in flight finish, then stops every part.
    func stop() async {
        let grace = settings.listeners.shutdownGraceMilliseconds
        await publicServer.stop(graceMilliseconds: grace)
        await privateServer?.stop(graceMilliseconds: min(grace, 1_000))
        await confirmations.stop()
        await webhooks.stop()
        await upkeep.stop()
        await alerts.stop()
        await classifier.pool.shutDown()
        database.close()
    }

    private func announce(_ server: HTTPServer, _ name: String, _ address: String) {
        let host = address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address
        log.info(
            "server.listening",
            ["listener": .string(name), "address": .string(host), "port": .integer(Int64(server.boundPort))])
    }

    /// - Returns: nil without a key. A key that does not open what is there is worth a warning, no more: only the
    ///   secrets are lost with it.
    private static func vault(
        _ settings: AccountSettings, _ database: SQLiteDatabase, _ log: Logger
    ) throws -> SecretVault? {
        guard let key = settings.secretsKey.flatMap(SealingKey.init) else { return nil }
        let vault = SecretVault(key: key)
        let foreign = try database.read { transaction throws(DatabaseError) in
            try transaction.secrets.count(sealedByOtherThan: vault.fingerprint)
        }
        if foreign > 0 {
            log.warning("secrets.other_key", ["count": .integer(Int64(foreign))])
        }
        return vault
    }

    /// Until the recovery is done, which would take an upload that begins now for one of the last run, only what reads
    /// and what deletes is let through.
    private static func handler(
        _ router: Router, _ upkeep: Upkeep
    ) -> @Sendable (Request) async -> Response {
        { request in
            guard upkeep.isRecovered || [.get, .head, .delete].contains(request.head.method) else {
                return Response(failure: Failure(.insufficientStorage, retryAfterSeconds: 5))
            }
            return await router.handle(request)
        }
    }

    private static func server(
        _ settings: ListenerSettings, address: String, name: String, _ executor: BlockingExecutor, _ log: Logger,
        _ metrics: MetricsRegistry, _ handler: @escaping @Sendable (Request) async -> Response
    ) throws -> HTTPServer {
        var configuration = HTTPConfiguration(address: address, name: name)
        configuration.threads = name == "public" ? max(1, min(4, sysconf(CInt(_SC_NPROCESSORS_ONLN)))) : 1
        configuration.connectionLimit = settings.connections
        configuration.headerTimeoutMilliseconds = Int64(settings.headerTimeoutMilliseconds)
        configuration.idleTimeoutMilliseconds = Int64(settings.idleTimeoutMilliseconds)
        configuration.minimumBodyBytesPerSecond = Int64(settings.bodyMinimumBytesPerSecond)
        configuration.bodyWindowMilliseconds = Int64(settings.bodyRateWindowMilliseconds)
        do {
            return try HTTPServer(
                configuration: configuration, executor: executor, log: log, metrics: metrics,
                handler: handler)
        } catch {
            let key = name == "public" ? "PORTCULLIS_LISTEN" : "PORTCULLIS_PRIVATE_LISTEN"
            throw ConfigurationError("\(key): \(error)")
        }
    }
}
