import Crypto
import Database
import Domain
import Testing

@testable import DatabaseSQLite

@Suite struct DeliveryTests {
    private static let now = Moment.start

    /// An organization with a webhook, and what the tests do with its deliveries.
    private struct Bench: Sendable {
        let database: any DatabaseDriver
        let organization = Sample.organization()
        let webhook: Webhook

        init(_ database: any DatabaseDriver) async throws {
            self.database = database
            let webhook = Sample.webhook(of: organization)
            self.webhook = webhook
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in try transaction.webhooks.insert(webhook) }
        }

        @discardableResult
        func emit(_ subject: String, count: Int = 1, at moment: Timestamp = now) async throws -> [EventID] {
            let organization = organization.internalID
            return try await database.write { transaction throws(DatabaseError) in
                var events: [EventID] = []
                for _ in 0..<count {
                    let id = try transaction.events.emit(
                        .uploadAccepted, about: subject, of: organization, at: moment
                    ) { _ in [:] }
                    if let id { events.append(id) }
                }
                return events
            }
        }

        func due(at moment: Timestamp = now) throws -> [WebhookID] {
            try database.read { transaction throws(DatabaseError) in
                try transaction.deliveries.webhooksDue(after: "", now: moment, limits: DeliveryLimits(), limit: 10)
            }
        }

        func claim(at moment: Timestamp = now) async throws -> [ClaimedDelivery] {
            let id = webhook.id
            return try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.claim(
                    for: id, node: "a", now: moment, leaseMilliseconds: 3_600_000, limits: DeliveryLimits(), limit: 100)
            }
        }

        func succeed(_ claim: ClaimedDelivery, at moment: Timestamp = now) async throws {
            try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.succeed(claim, DeliveryAttempt(responseStatus: 200), now: moment)
            }
        }

        @discardableResult
        func fail(
            _ claim: ClaimedDelivery, next: Timestamp?, at moment: Timestamp = now, pauses: Int64? = nil,
            retryAt: @escaping @Sendable (Int) -> Timestamp? = { _ in nil }
        ) async throws -> DeliveryStore.NotedFailure {
            try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.fail(
                    claim, DeliveryAttempt(error: "e"), nextAttemptAt: next, pausesAfterMilliseconds: pauses,
                    now: moment, retryAt: retryAt)
            }
        }

        func stored() throws -> Webhook? {
            let id = webhook.id
            return try database.read { transaction throws(DatabaseError) in try transaction.webhooks.find(id) }
        }
    }

    // Everything behind an event that is under way is due too. As long as that alone made the webhook due, its claim was
    // tried again and again, each time in a write that everybody's uploads waited for.
    @Test(
        "What waits behind an event under way is nothing to claim, which a read finds out", arguments: DriverFactory.all
    )
    func blocked(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            let events = try await bench.emit("s", count: 50)
            #expect(try bench.due() == [bench.webhook.id])
            let first = try await bench.claim()
            #expect(first.map(\.delivery.event.id) == [events[0]])
            #expect(try bench.due() == [])
            // Nor is it while the first one waits for its next attempt.
            try await bench.fail(first[0], next: Self.now.adding(seconds: 60))
            #expect(try bench.due() == [])
            let second = try await bench.claim(at: Self.now.adding(seconds: 60))
            #expect(second.map(\.delivery.event.id) == [events[0]])
            try await bench.succeed(second[0])
            #expect(try bench.due() == [bench.webhook.id])
            #expect(try await bench.claim().map(\.delivery.event.id) == [events[1]])
        }
    }

    // One of each subject is marked as the first. Whatever ends it must mark the next one, or that waits for ever.
    @Test("However the first event of a subject ends, the next one follows", arguments: DriverFactory.all)
    func succession(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            let early = Self.now.adding(seconds: -100)
            let old = try await bench.emit("s", count: 2, at: early)
            let events = try await bench.emit("s", count: 4)
            let failed = try await bench.claim()
            #expect(failed.map(\.delivery.event.id) == [old[0]])
            try await bench.fail(failed[0], next: nil)
            // It is repeated: behind what is first now, and before what is later.
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.deliveries.repeated(failed[0].delivery, at: Self.now)
            }
            let later = Self.now.adding(seconds: 1)
            // Given up while it was first.
            let givenUp = try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.giveUp(before: early, now: later)
            }
            #expect(givenUp == 1)
            var told: [EventID] = []
            for _ in 0..<2 {
                let claims = try await bench.claim(at: later)
                #expect(claims.count == 1)
                for claim in claims {
                    told.append(claim.delivery.event.id)
                    try await bench.succeed(claim, at: later)
                }
            }
            #expect(told == [old[0], events[0]])
            let dropped = try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.shorten(to: 1, now: later)
            }
            #expect(dropped == 2)
            #expect(try await bench.claim(at: later).map(\.delivery.event.id) == [events[3]])
            try database.read { transaction throws(DatabaseError) in
                try transaction.reconciliation.stuckSubjects { _, subject in
                    Issue.record("\(subject) is stuck")
                }
            }
        }
    }

    @Test("Deliveries from before the first ones were marked are marked, one of each subject")
    func migration() async throws {
        try await withDatabase(DriverFactory.all[0]) { database in
            let bench = try await Bench(database)
            let (x, y) = (try await bench.emit("x", count: 3), try await bench.emit("y", count: 3))
            try await bench.succeed(try #require(await bench.claim().first))
            try await database.write { transaction throws(DatabaseError) in
                try transaction.execute(
                    "UPDATE webhook_deliveries SET lease = NULL, lease_node = NULL, lease_until = NULL", [])
                // As version 7 left it.
                for statement in [
                    "DROP INDEX webhook_deliveries_first", "DROP INDEX webhook_deliveries_due",
                    "DROP INDEX events_by_organization", "ALTER TABLE webhook_deliveries DROP COLUMN is_first",
                    "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at)",
                ] + SQLiteSchema.deliveryHeads { try transaction.execute(statement, []) }
            }
            #expect(Set(try await bench.claim().map(\.delivery.event.id)) == [x[1], y[0]])
        }
    }

    @Test("A webhook that was changed gets at once what waited for another attempt", arguments: DriverFactory.all)
    func hastened(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            try await bench.emit("s")
            try await bench.fail(try #require(await bench.claim().first), next: Self.now.adding(seconds: 14_400))
            #expect(try bench.due() == [])
            let id = bench.webhook.id
            try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.hasten(id, now: Self.now)
            }
            #expect(try bench.due() == [id])
        }
    }

    // The attempt's own copy of the webhook is as old as the attempt. Written back, it would count a failure of the old
    // target against the new one.
    @Test("An attempt from before a change says nothing of the webhook as it is now", arguments: DriverFactory.all)
    func stale(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            let events = try await bench.emit("s")
            let claim = try #require(await bench.claim().first)
            var changed = bench.webhook
            (changed.url, changed.sealed) = ("https://example.net/", [3, 4])
            let after = changed
            try await database.write { transaction throws(DatabaseError) in try transaction.webhooks.update(after) }
            let late = Self.now.adding(seconds: 10)
            #expect(try await bench.fail(claim, next: nil, at: late, pauses: 0) == .ignored)
            #expect(try bench.stored() == after)
            // It was no attempt at the new target: that one gets it at once.
            let again = try await bench.claim(at: late)
            #expect(again.map(\.delivery.event.id) == events && again.first?.delivery.attempts == 0)
            // Nor does one count whose claim is somebody else's meanwhile.
            #expect(try await bench.fail(claim, next: nil, at: late) == .ignored)
            #expect(try bench.stored()?.health.failures == 0)
        }
    }

    // Four attempts begin before the first of them fails, and each believes that there was no failure yet.
    @Test("Attempts that end late do not cancel the pause of an outage", arguments: DriverFactory.all)
    func outage(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            for index in 0..<4 { try await bench.emit("s\(index)") }
            let claims = try await bench.claim()
            #expect(claims.count == 4)
            let end = Self.now.adding(seconds: 300)
            for claim in claims {
                try await bench.fail(claim, next: Self.now) { $0 == 3 ? end : nil }
            }
            #expect(try bench.stored()?.health.failures == 4 && bench.stored()?.health.retryAt == end)
            #expect(try bench.due() == [] && bench.due(at: end) == [bench.webhook.id])
        }
    }

    @Test("Two failures with days of silence between them are no outage of days", arguments: DriverFactory.all)
    func silence(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let bench = try await Bench(database)
            let day: Int64 = 86_400
            var noted: [DeliveryStore.NotedFailure] = []
            for moment in [0, 1, 2, 10 * day, 10 * day + 1].map({ Self.now.adding(seconds: $0) }) {
                try await bench.emit("s", at: moment)
                let claim = try #require(await bench.claim(at: moment).first)
                noted.append(try await bench.fail(claim, next: nil, at: moment, pauses: 3 * day * 1_000))
            }
            #expect(noted == Array(repeating: .noted, count: 5))
            #expect(try bench.stored()?.health.failures == 2 && bench.stored()?.isActive == true)
        }
    }
}
