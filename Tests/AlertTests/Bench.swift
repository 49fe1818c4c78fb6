import Alerts
import Crypto
import Database
import DatabaseSQLite
import Domain
import Mail
import Synchronization
import Telemetry
import TestSupport
import Testing
import Transfer

/// A classifier that the test takes away.
final class Availability: Sendable {
    private let value = Mutex(true)
    var isUp: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// A database, a clock that the test moves, and mailers over a real mail server.
final class Bench: Sendable {
    final class Clock: TimeSource {
        private let moment = Mutex(Timestamp(milliseconds: 1_773_144_000_000))
        func now() -> Timestamp { moment.withLock { $0 } }
        func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
    }

    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    let clock = Clock()
    let metrics = MetricsRegistry()
    let organization: Organization
    let receiver: MailReceiver
    var mailFile: String { directory.path("mails") }

    init(address: String? = "owner@example.net", name: String = "Sample") async throws {
        directory = try TemporaryDirectory()
        receiver = try MailReceiver(keeping: directory.path("mails"))
        database = try SQLiteDatabase(path: directory.path("portcullis.db"), now: clock.now())
        organization = Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: name,
            notificationsEmail: address, createdAt: clock.now(), updatedAt: clock.now())
        let organization = organization
        try await database.write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
        }
    }

    deinit { database.close() }

    func mailer(
        _ server: MailServer? = nil, _ classifier: Availability = Availability(), intervalSeconds: Int = 3_600
    ) throws -> AlertMailer {
        let server =
            server ?? MailServer(url: receiver.url, requiresEncryption: false, timeoutMilliseconds: 60_000)
        let configuration = AlertConfiguration(
            server: server, sender: try #require(MailAddress("gate@example.org")), intervalSeconds: intervalSeconds,
            retrySeconds: 60)
        return AlertMailer(
            database: database, configuration: configuration, node: "node", time: clock,
            log: Logger(minimumLevel: .error), metrics: AlertMetrics(metrics, database: database),
            isClassifierAvailable: { classifier.isUp })
    }

    /// - Parameter other: another organization than the bench's.
    func alert(
        _ kind: AlertKind = .uploadQuarantined, count: Int = 1, data: JSONObject = [:], of other: Organization? = nil
    ) async throws {
        let (organization, now) = ((other ?? organization).internalID, clock.now())
        try await database.write { transaction throws(DatabaseError) in
            for number in 0..<count {
                try transaction.alerts.insert(
                    kind, Alert(subject: "upl_\(number)", at: now, data: data), of: organization)
            }
        }
    }

    /// Another organization, whose one alert waits behind all others'.
    func waitingOrganization(_ address: String) async throws {
        clock.advance(seconds: 1)
        let organization = Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Another",
            notificationsEmail: address, createdAt: clock.now(), updatedAt: clock.now())
        try await database.write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
        }
        try await alert(of: organization)
    }

    func change(_ change: @escaping @Sendable (inout Organization) -> Void) async throws {
        let (organization, now) = (organization.internalID, clock.now())
        try await database.write { transaction throws(DatabaseError) in
            _ = try transaction.organizations.update(organization, now: now, change)
        }
    }

    func pending() throws -> Int {
        try database.read { transaction throws(DatabaseError) in try transaction.alerts.pendingCount() }
    }

    func status() throws -> JSONObject? {
        let id = organization.internalID
        return try database.read { transaction throws(DatabaseError) in
            try transaction.organizations.find(id)?.notificationsEmailStatus
        }
    }

    func metric(_ line: String) -> Bool { metrics.exposition().contains(line + "\n") }
}
