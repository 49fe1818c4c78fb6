import Crypto
import Database
import DatabaseSQLite
import Domain
import Synchronization
import Telemetry
import Tenancy
import TestSupport
import Testing
import Transfer

@testable import Delivery

/// Passes everything on, and counts the transactions that claim: no others are relaxed here.
private final class CountingDriver: DatabaseDriver {
    private let base: any DatabaseDriver
    private let claims = Atomic(0)
    private let looks = Atomic(0)

    init(_ base: any DatabaseDriver) { self.base = base }

    var claimCount: Int { claims.load(ordering: .sequentiallyConsistent) }
    var lookCount: Int { looks.load(ordering: .sequentiallyConsistent) }

    func read<T: Sendable>(
        _ body: (any Transaction) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> T {
        looks.add(1, ordering: .sequentiallyConsistent)
        return try base.read(body)
    }

    func write<T: Sendable>(
        durability: Durability, _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(DatabaseError) -> T {
        if durability == .relaxed { claims.add(1, ordering: .sequentiallyConsistent) }
        return try await base.write(durability: durability, body)
    }

    func close() { base.close() }
}

@Suite("The dispatcher", .blocking)
struct WebhookDispatcherTests {
    private struct Bench {
        let directory: TemporaryDirectory
        let database: CountingDriver
        let organization: Organization
        let webhook: Webhook
        let vault: WebhookVault

        init(_ url: String) async throws {
            directory = try TemporaryDirectory()
            let now = SystemTime().now()
            database = CountingDriver(try SQLiteDatabase(path: directory.path("portcullis.db"), now: now))
            let organization = Organization(
                internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Sample", createdAt: now,
                updatedAt: now)
            self.organization = organization
            vault = WebhookVault(key: try #require(SealingKey([UInt8](repeating: 7, count: 32))))
            let id = RandomID.webhookID()
            let webhook = Webhook(
                id: id, organization: organization.internalID, name: "hook",
                eventTypes: EventKind.allCases.map(\.rawValue), resourceTypes: nil, url: url, headerNames: [],
                timeoutMilliseconds: 30_000,
                sealed: vault.seal(WebhookSecrets(signing: "0123456789abcdef", headers: []), of: id),
                keyFingerprint: vault.fingerprint, isActive: true, createdAt: now, updatedAt: now)
            self.webhook = webhook
            try await database.write { transaction throws(DatabaseError) in
                try transaction.organizations.insert(organization)
                try transaction.webhooks.insert(webhook)
                for _ in 0..<20 {
                    try transaction.events.emit(.uploadAccepted, about: "s", of: organization.internalID, at: now) {
                        _ in
                        [:]
                    }
                }
            }
        }

        func dispatcher(_ vault: WebhookVault?) throws -> WebhookDispatcher {
            let rules = try #require(TargetRules(allowed: "127.0.0.0/8"))
            return WebhookDispatcher(
                database: database, vault: vault,
                configuration: DeliveryConfiguration(
                    rules: rules, authoritiesFile: nil, parallelism: 4,
                    schedule: RetrySchedule(baseMilliseconds: 50, giveUpSeconds: 3_600), pauseAfterMilliseconds: nil,
                    backlog: 1_000, retentionMilliseconds: 3_600_000),
                node: "n", userAgent: "Test", time: SystemTime(), log: Logger(minimumLevel: .error),
                metrics: MetricsRegistry())
        }

        /// Waits until the dispatcher has looked so many times more for something to send.
        func wait(looks: Int) throws {
            let end = database.lookCount + looks
            for _ in 0..<6_000 where database.lookCount < end { pause(milliseconds: 10) }
            #expect(database.lookCount >= end)
        }
    }

    // A write that claims nothing is still a write: the others wait for it, and it came a hundred times a second for as
    // long as a target took its time.
    @Test("While the first event of a subject is under way, the ones behind it cost no write")
    func blocked() async throws {
        let receiver = try Receiver { _ in .silence }
        let bench = try await Bench(receiver.url)
        defer { bench.database.close() }
        let dispatcher = try bench.dispatcher(bench.vault)
        dispatcher.start()
        _ = try receiver.wait(for: 1)
        #expect(bench.database.claimCount == 1)
        try bench.wait(looks: 5)
        #expect(bench.database.claimCount == 1 && receiver.messages.count == 1)
        await dispatcher.stop()
    }

    @Test("Without the operator's key nothing is attempted, and everything is sent when it is there again")
    func withoutKey() async throws {
        let receiver = try Receiver()
        let bench = try await Bench(receiver.url)
        defer { bench.database.close() }
        let without = try bench.dispatcher(nil)
        without.start()
        pause(milliseconds: 500)
        await without.stop()
        let (id, isUnknown) = (bench.webhook.id, receiver.messages.isEmpty)
        let waiting = try bench.database.read { transaction throws(DatabaseError) in
            try transaction.deliveries.list(id).items
        }
        #expect(isUnknown && waiting.count == 20 && waiting.allSatisfy { $0.status == .pending && $0.attempts == 0 })
        let with = try bench.dispatcher(bench.vault)
        with.start()
        _ = try receiver.wait(for: 20)
        await with.stop()
    }

    @Test("Of an answer only what can be printed is kept")
    func excerpt() {
        let text = "a\u{1b}[2J\u{2028}b\u{202e}c\u{feff}d\u{e000}é 長\n"
        #expect(WebhookSender.excerpt(Array(text.utf8)) == "a.[2J.b.c.d.é 長.")
    }
}
