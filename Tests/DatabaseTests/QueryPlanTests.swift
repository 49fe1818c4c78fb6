import Crypto
import Database
import DatabaseSQLite
import Domain
import Synchronization
import Testing

/// Passes each statement on, and notes SQLite's plan for it.
private final class ExplainingTransaction: Transaction {
    private let base: any Transaction
    private(set) var plans: [(sql: String, step: String)] = []

    init(_ base: any Transaction) { self.base = base }

    private func explain(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) {
        let steps = try base.query("EXPLAIN QUERY PLAN \(sql)", parameters) { row throws(DatabaseError) in
            for _ in 0..<3 { _ = try row.integer() }
            return try row.text()
        }
        plans += steps.map { (sql, $0) }
    }

    func execute(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int {
        try explain(sql, parameters)
        return try base.execute(sql, parameters)
    }

    func indexText(of upload: String) throws(DatabaseError) { try base.indexText(of: upload) }

    func textSearch(_ text: String, parameter: String) -> (condition: String, value: SQLValue)? {
        base.textSearch(text, parameter: parameter)
    }

    func query<T>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (inout Row) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> [T] {
        try explain(sql, parameters)
        return try base.query(sql, parameters, decode)
    }
}

@Suite struct QueryPlanTests {
    // A table that is read from end to end, or a result that is sorted after it was found, grows slow with the number
    // of uploads, whatever a test with few rows shows.
    @Test("No statement of a request reads a whole table or sorts its result")
    func plans() async throws {
        let store = SQLiteTestStore()
        defer { store.remove() }
        let database = try store.open()
        defer { database.close() }
        let organization = Sample.organization()
        let id = organization.internalID
        let user = Sample.user(of: organization)
        let upload = Sample.upload(of: id, scanState: .unscanned)
        try await database.insert(organization)
        let plans = try await database.write { transaction throws(DatabaseError) in
            let explaining = ExplainingTransaction(transaction)
            try Self.runRequests(explaining, organization, user, upload)
            return explaining.plans.map { "\($0.step) -- \($0.sql)" }
        }
        #expect(plans.count > 50)
        for plan in plans {
            #expect(!plan.hasPrefix("SCAN") && !plan.contains("TEMP B-TREE"), "\(plan)")
        }
        #expect(id == organization.internalID)
    }

    // Whatever waits behind an event of its subject is due as well: a statement that finds it by its time, and then drops
    // it because of what is before it, reads the whole backlog, over and over while one transfer is under way.
    @Test("What may be sent is found by an index that holds the first event of each subject, and no others")
    func claims() async throws {
        let store = SQLiteTestStore()
        defer { store.remove() }
        let database = try store.open()
        defer { database.close() }
        let organization = Sample.organization()
        let webhook = Sample.webhook(of: organization)
        try await database.insert(organization)
        let plans = try await database.write { transaction throws(DatabaseError) in
            try transaction.webhooks.insert(webhook)
            for _ in 0..<20 {
                try transaction.events.emit(
                    .uploadAccepted, about: "s", of: organization.internalID, at: Moment.start
                ) { _ in [:] }
            }
            let explaining = ExplainingTransaction(transaction)
            _ = try explaining.deliveries.webhooksDue(after: "", now: Moment.start, limits: DeliveryLimits(), limit: 4)
            _ = try explaining.deliveries.claim(
                for: webhook.id, node: "n", now: Moment.start, leaseMilliseconds: 1, limits: DeliveryLimits(), limit: 4)
            return explaining.plans.filter { $0.sql.contains("next_attempt_at") }.map(\.step)
        }
        let found = plans.filter { $0.contains("webhook_deliveries_due (webhook_id=? AND next_attempt_at<?)") }
        #expect(found.count == 2, "\(plans)")
    }

    private static func runWebhooks(
        _ transaction: ExplainingTransaction, _ organization: Organization, _ upload: UploadRecord
    ) throws(DatabaseError) {
        let (now, webhook) = (Moment.start, Sample.webhook(of: organization))
        try transaction.webhooks.insert(webhook)
        _ = try transaction.webhooks.find(organization.internalID, "name")
        _ = try transaction.webhooks.list(organization.internalID)
        try transaction.events.emit(.uploadAccepted, upload, at: now)
        _ = try transaction.deliveries.webhooksDue(after: "", now: now, limits: DeliveryLimits(), limit: 4)
        let claims = try transaction.deliveries.claim(
            for: webhook.id, node: "n", now: now, leaseMilliseconds: 1, limits: DeliveryLimits(), limit: 4)
        for claim in claims {
            _ = try transaction.deliveries.fail(
                claim, DeliveryAttempt(), nextAttemptAt: now, pausesAfterMilliseconds: nil, now: now)
            try transaction.deliveries.succeed(claim, DeliveryAttempt(), now: now)
        }
        try transaction.deliveries.hasten(webhook.id, now: now)
        _ = try transaction.deliveries.shorten(to: 1, now: now)
        for status in [nil, Delivery.Status.failed] {
            _ = try transaction.deliveries.list(webhook.id, status: status, after: PageCursor(at: now, id: "x"))
        }
        _ = try transaction.deliveries.giveUp(before: now, now: now)
        try transaction.deliveries.purge(before: now)
        try transaction.events.purge(before: now)
    }

    private static func runRequests(
        _ transaction: ExplainingTransaction, _ organization: Organization, _ user: User, _ upload: UploadRecord
    ) throws(DatabaseError) {
        let (id, now) = (organization.internalID, Moment.start)
        let key = Sample.key(of: user)
        let cursor = PageCursor(at: now, id: "x")
        _ = try transaction.users.insert(user)
        _ = try transaction.apiKeys.insert(key)
        _ = try transaction.apiKeys.caller(hash: key.hash)
        try transaction.apiKeys.touch(key.id, now: now)
        _ = try transaction.apiKeys.list(id, after: cursor)
        _ = try transaction.apiKeys.find(id, user: user.id, name: "main")
        _ = try transaction.users.find(id, email: user.email)
        _ = try transaction.users.list(id, after: cursor)
        _ = try transaction.organizations.find(id)
        _ = try transaction.organizations.find(organization.id)
        _ = try transaction.organizations.gatePolicy(id)
        _ = try transaction.organizations.update(id, now: now) { $0.name = "new" }
        let credits = transaction.credits
        let outcome = try credits.placeHold(
            organization: id, amount: 2, upload: upload.id, node: "n", expiresAt: now, now: now)
        if let hold = outcome.id {
            _ = try credits.growHold(hold, to: 3, now: now)
            _ = try credits.captureHold(hold, amount: 3, bytes: 1, now: now)
        }
        _ = try credits.expireHolds(now: now)
        _ = try credits.usage(of: id, in: BillingPeriod(containing: now, cycleStart: 1))
        _ = try credits.grant(1, to: id, reason: "x", now: now)
        try transaction.uploads.insert(upload)
        try runVerdicts(transaction, upload)
        try transaction.blobs.retain(id, upload.sha256, size: upload.size)
        _ = try transaction.uploads.find(id, id: upload.id)
        _ = try transaction.uploads.duplicates(of: upload.sha256, in: id, limit: 1)
        _ = try transaction.uploads.unscannedDebt(types: [.jpeg, .png], limit: 10)
        for filter in [
            UploadFilter(), UploadFilter(statuses: [.rejected]), UploadFilter(statuses: [.completed, .quarantined]),
            UploadFilter(bucket: "b"), UploadFilter(mediaType: .gif),
            UploadFilter(scanState: .scanned), UploadFilter(filenameContains: "x"),
        ] {
            _ = try transaction.uploads.list(id, filter: filter, after: cursor)
        }
        try runQuarantine(transaction, organization, upload)
        try runWebhooks(transaction, organization, upload)
        _ = try transaction.uploads.resolveScan(id, id: upload.id, receipt: upload.receipt)
        _ = try transaction.uploads.markDeleted(id, id: upload.id, now: now)
        _ = try transaction.blobs.release(id, upload.sha256)
        _ = try transaction.blobs.removeUnreferenced(id, upload.sha256)
        _ = try transaction.audit.list(id, after: cursor)
        var filter = AuditFilter()
        filter.action = "organization_updated"
        _ = try transaction.audit.list(id, filter: filter, skip: 5, limit: 10)
        _ = try transaction.audit.count(id, filter: filter)
        _ = try transaction.users.list(id, filter: .init(role: .admin), skip: 5, limit: 10)
        _ = try transaction.users.count(id)
        _ = try transaction.apiKeys.count(of: user.id, in: id, now: now)
        _ = try transaction.apiKeys.administrationEnd(id, besidesUser: user.id, now: now)
        _ = try transaction.apiKeys.revokeExpired(named: "n", of: user.id, in: id, now: now)
        _ = try transaction.apiKeys.revokeAll(of: user.id, in: id, now: now)
        let period = BillingPeriod(containing: now, cycleStart: 1)
        _ = try credits.usage(of: id, key: key.id, in: period)
        _ = try transaction.uploads.count(id, status: .rejected, in: period)
        let secret = SealedSecret(organization: id, name: "s", sealed: [], keyFingerprint: "f")
        _ = try transaction.secrets.insert(secret, now: now)
        _ = try transaction.secrets.update(secret, now: now)
        _ = try transaction.secrets.find(id, name: "s")
        _ = try transaction.secrets.names(id)
        _ = try transaction.secrets.delete(id, name: "s")
        _ = try transaction.idempotency.begin(id, key: "k", owner: upload.id, node: "n", now: now)
    }

    private static func runVerdicts(
        _ transaction: ExplainingTransaction, _ upload: UploadRecord
    ) throws(DatabaseError) {
        let verdict = ScanVerdict(
            ScanSubject(
                organization: upload.organization, sha256: upload.sha256, mediaType: .jpeg,
                scanner: ScannerIdentity(
                    model: ModelIdentity(name: "m", sha256: "s", preprocessing: "1"), fingerprint: upload.sha256)),
            .unscannable("x"), under: 0.8, at: Moment.start)
        try transaction.verdicts.keep(verdict)
        _ = try transaction.verdicts.find(verdict.subject)
        _ = try transaction.verdicts.remove(of: upload.organization, limit: 1)
        _ = try transaction.verdicts.removeScanned(by: Moment.start, limit: 1)
    }

    private static func runQuarantine(
        _ transaction: ExplainingTransaction, _ organization: Organization, _ upload: UploadRecord
    ) throws(DatabaseError) {
        let (now, cursor) = (Moment.start, PageCursor(at: Moment.start, id: "x"))
        let quarantine = transaction.quarantine
        try quarantine.insert(upload.id, of: organization.internalID, since: now, retainedUntil: now, nextScanAt: now)
        _ = try quarantine.find(upload.id)
        for filter in [
            QuarantineFilter(), QuarantineFilter(organization: organization.id), QuarantineFilter(status: .rejected),
        ] { _ = try quarantine.list(filter, after: cursor) }
        _ = try quarantine.dueScans(now: now, limit: 5)
        _ = try quarantine.overdue(now: now, limit: 5)
        try quarantine.noteScan(upload.id, nextScanAt: now)
        _ = try quarantine.remove(upload.id)
    }
}
