import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import TestSupport
import Testing

/// A driver that the shared behaviour tests run on. `make` gives a fresh, empty database.
struct DriverFactory: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable () throws -> any TestStore

    var testDescription: String { name }

    static let all: [DriverFactory] = [
        DriverFactory(name: "SQLite") { SQLiteTestStore() }
    ]
}

/// One database, and as many drivers on it as are opened.
protocol TestStore: Sendable {
    func open() throws -> any DatabaseDriver
    func remove()
}

struct SQLiteTestStore: TestStore {
    let directory = TemporaryDirectory()
    var path: String { directory.path + "/portcullis.db" }

    func open() throws -> any DatabaseDriver { try SQLiteDatabase(path: path, now: Moment.start) }
    func remove() { directory.remove() }
}

struct TemporaryDirectory: Sendable {
    let path = NSTemporaryDirectory() + "portcullis-test-" + RandomID.base62(12)

    init() {
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Starts the helper program, which is built beside the tests and reports on standard error.
func storageTestProcess(_ arguments: String...) throws -> ChildProcess {
    let tests = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    return try ChildProcess(
        tests.deletingLastPathComponent().appendingPathComponent("StorageTestProcess").path, arguments)
}

/// Runs `body` on a fresh database of the driver, and takes it away afterwards.
func withDatabase(
    _ factory: DriverFactory, _ body: (any DatabaseDriver) async throws -> Void
) async throws {
    let store = try factory.make()
    defer { store.remove() }
    let database = try store.open()
    defer { database.close() }
    try await body(database)
}

/// Moments with names.
enum Moment {
    static let start = at("2026-03-10T12:00:00Z")

    static func at(_ text: String) -> Timestamp {
        guard let timestamp = Timestamp(iso8601: text) else { preconditionFailure("\(text) is no time") }
        return timestamp
    }
}

enum Sample {
    static func organization(
        tier: Tier = .free, allowance: MonthlyAllowance? = nil, autoBilling: Bool = false, cycleStart: Int = 1,
        createdAt: Timestamp = Moment.start
    ) -> Organization {
        Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Sample", tier: tier,
            monthlyAllowanceOverride: allowance, autoBillingEnabled: autoBilling, billingCycleStart: cycleStart,
            createdAt: createdAt, updatedAt: createdAt)
    }

    static func webhook(
        of organization: Organization, name: String = "hook", kinds: [EventKind] = EventKind.allCases
    ) -> Webhook {
        Webhook(
            id: RandomID.webhookID(), organization: organization.internalID, name: name,
            eventTypes: kinds.map(\.rawValue), resourceTypes: nil, url: "https://example.org/", headerNames: [],
            timeoutMilliseconds: 10_000, sealed: [1, 2], keyFingerprint: "f", isActive: true, createdAt: Moment.start,
            updatedAt: Moment.start)
    }

    static func user(of organization: Organization, email: String = "a@example.org") -> User {
        User(
            id: RandomID.userID(), organization: organization.internalID, email: email, name: "A", role: .admin,
            createdAt: Moment.start, updatedAt: Moment.start)
    }

    static func key(of user: User, name: String = "main", secret: String = RandomID.secretKey()) -> APIKey {
        APIKey(
            id: RandomID.keyID(), organization: user.organization, user: user.id, name: name,
            hash: SHA256.hash(of: secret), prefix: String(secret.prefix(10)), permissions: [.read, .write],
            createdAt: Moment.start)
    }

    static func receipt(
        _ hash: ContentHash, decision: GateDecision = .accepted, reason: Finding = .clean
    ) -> DecisionReceipt {
        DecisionReceipt(
            decision: decision, reason: reason,
            scan: reason == .clean || reason == .nsfw
                ? ScanScore(
                    score: 0.1 + 0.2, framesTotal: 3, framesScanned: 3, pass: reason == .clean ? .screen : .exact)
                : nil,
            threshold: 0.8,
            model: ModelIdentity(
                name: "open-nsfw", sha256: hash.rawValue, preprocessing: "1",
                screenSHA256: reason == .clean ? String(hash.rawValue.reversed()) : nil),
            policy: GatePolicy(plane: .shared, settings: GateSettings(checkEnabled: true, failClosed: false)),
            scannedAt: Moment.start, elapsedMilliseconds: 12.345678901234567, sha256: hash)
    }

    static func upload(
        of organization: InternalID, bucket: String = "default", filename: String = "picture.jpg",
        mediaType: MediaType = .jpeg, status: UploadStatus = .completed, scanState: ScanState = .scanned,
        content: String = RandomID.base62(8), createdAt: Timestamp = Moment.start
    ) -> UploadRecord {
        let hash = SHA256.hash(of: content)
        return UploadRecord(
            id: RandomID.uploadID(), organization: organization, bucket: bucket, filename: filename,
            declaredContentType: "image/jpeg", mediaType: mediaType, size: Int64(content.utf8.count), sha256: hash,
            status: status, scanState: scanState, metadata: ["a": 1], credits: status == .rejected ? 0 : 1,
            receipt: receipt(
                hash, decision: status == .rejected ? .rejected : .accepted,
                reason: scanState == .unscanned ? .classifierUnavailable : .clean),
            key: KeyID(rawValue: "key_0000000000000000"), createdAt: createdAt)
    }
}

extension DatabaseDriver {
    func insert(_ organization: Organization) async throws {
        try await write { transaction throws(DatabaseError) in try transaction.organizations.insert(organization) }
    }

    func insert(_ uploads: [UploadRecord]) async throws {
        try await write { transaction throws(DatabaseError) in
            for upload in uploads { try transaction.uploads.insert(upload) }
        }
    }

    func balance(_ organization: Organization, at now: Timestamp = Moment.start) throws -> CreditBalance {
        let balance = try read { transaction throws(DatabaseError) in
            try transaction.credits.balance(of: organization.internalID, now: now)
        }
        return try #require(balance)
    }

    func hold(
        _ organization: Organization, _ amount: Int64, node: String = "node_a",
        expiresAt: Timestamp = Moment.start.adding(seconds: 3600), at now: Timestamp = Moment.start
    ) async throws -> HoldOutcome {
        try await write { transaction throws(DatabaseError) in
            try transaction.credits.placeHold(
                organization: organization.internalID, amount: amount, upload: RandomID.uploadID(), node: node,
                expiresAt: expiresAt, now: now)
        }
    }

    /// Holds and captures at once.
    func spend(_ organization: Organization, _ amount: Int64, at now: Timestamp = Moment.start) async throws {
        guard
            case .placed(let hold, _) = try await hold(
                organization, amount, expiresAt: now.adding(seconds: 60), at: now)
        else {
            Issue.record("\(amount) credits were not there")
            return
        }
        let outcome = try await capture(hold, amount, at: now)
        guard case .captured = outcome else {
            Issue.record("the hold was not captured: \(outcome)")
            return
        }
    }

    func capture(_ hold: HoldID, _ amount: Int64, at now: Timestamp = Moment.start) async throws -> CaptureOutcome {
        try await write { transaction throws(DatabaseError) in
            try transaction.credits.captureHold(hold, amount: amount, bytes: amount * Credits.bytesPerCredit, now: now)
        }
    }

    /// Expects the account's counters, the ledger's sums and the open holds to agree.
    func expectReconciled(_ organization: InternalID) throws {
        let state = try read { transaction throws(DatabaseError) in
            try transaction.credits.reconcile(organization)
        }
        let (stored, ledger, openHolds) = try #require(state)
        #expect(stored == ledger)
        #expect(stored.held == openHolds)
    }
}

extension HoldOutcome {
    var id: HoldID? {
        guard case .placed(let id, _) = self else { return nil }
        return id
    }
}
