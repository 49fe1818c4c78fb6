import Crypto
import Database
import Domain
import Testing

@Suite struct EventTests {
    private static let now = Moment.start

    private func prepare(
        _ database: any DatabaseDriver, kinds: [EventKind] = EventKind.allCases, allowance: Int64? = 100
    ) async throws -> (Organization, Webhook) {
        let organization = Sample.organization(allowance: allowance.map { .limited($0) })
        let webhook = Sample.webhook(of: organization, kinds: kinds)
        try await database.insert(organization)
        try await database.write { transaction throws(DatabaseError) in try transaction.webhooks.insert(webhook) }
        return (organization, webhook)
    }

    private func emit(
        _ database: any DatabaseDriver, _ organization: Organization, _ subject: String,
        _ kind: EventKind = .uploadAccepted
    ) async throws -> EventID? {
        try await database.write { transaction throws(DatabaseError) in
            try transaction.events.emit(kind, about: subject, of: organization.internalID, at: Self.now) { id in
                ["organization": .string(id.rawValue)]
            }
        }
    }

    private func claim(
        _ database: any DatabaseDriver, _ webhook: Webhook, node: String = "a", at now: Timestamp = now
    ) async throws -> [ClaimedDelivery] {
        try await database.write { transaction throws(DatabaseError) in
            try transaction.deliveries.claim(
                for: webhook.id, node: node, now: now, leaseMilliseconds: 1_000,
                limits: DeliveryLimits(perWebhook: 4, perOrganization: 6), limit: 100)
        }
    }

    private func due(_ database: any DatabaseDriver, at now: Timestamp = now) throws -> [WebhookID] {
        try database.read { transaction throws(DatabaseError) in
            try transaction.deliveries.webhooksDue(
                after: "", now: now, limits: DeliveryLimits(perWebhook: 4, perOrganization: 6), limit: 10)
        }
    }

    @Test(
        "An event that nobody is subscribed to is not written, nor what is asked for about it",
        arguments: DriverFactory.all)
    func unheard(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, _) = try await prepare(database, kinds: [.uploadRejected])
            let other = Sample.organization()
            try await database.insert(other)
            for silent in [organization, other] {
                let id = try await database.write { transaction throws(DatabaseError) in
                    try transaction.events.emit(.uploadAccepted, about: "s", of: silent.internalID, at: Self.now) { _ in
                        Issue.record("nobody listens")
                        return [:]
                    }
                }
                #expect(id == nil)
            }
            #expect(try await emit(database, organization, "s", .uploadRejected) != nil)
        }
    }

    @Test("An event goes with the transaction that wrote it", arguments: DriverFactory.all)
    func rollback(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            await #expect(throws: DatabaseError.self) {
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.events.emit(.uploadAccepted, about: "s", of: organization.internalID, at: Self.now)
                    {
                        _ in [:]
                    }
                    throw .misuse("it did not happen")
                }
            }
            #expect(try await claim(database, webhook).isEmpty)
        }
    }

    @Test("Of each subject one event at a time is claimed, the oldest first, by one node", arguments: DriverFactory.all)
    func claims(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            var events: [EventID?] = []
            for subject in ["x", "x", "y", "x"] { events.append(try await emit(database, organization, subject)) }
            let first = try await claim(database, webhook)
            #expect(first.map(\.delivery.event.id) == [events[0], events[2]])
            #expect(first[0].delivery.event.data == ["organization": .string(organization.id.rawValue)])
            #expect(try await claim(database, webhook, node: "b").isEmpty)
            // Nobody answered for it in time: it is anybody's again, and still the first of its subject.
            let late = Self.now.adding(milliseconds: 1_000)
            let second = try await claim(database, webhook, node: "b", at: late)
            #expect(second.map(\.delivery.event.id) == [events[0], events[2]])
            try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.succeed(second[0], DeliveryAttempt(responseStatus: 200), now: late)
            }
            let third = try await claim(database, webhook, node: "b", at: late)
            #expect(third.map(\.delivery.event.id) == [events[1]])
            // One that has failed for good lets the next one pass.
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.deliveries.fail(
                    third[0], DeliveryAttempt(error: "e"), nextAttemptAt: nil, pausesAfterMilliseconds: nil, now: late)
                try transaction.deliveries.releaseLeases(ofNode: "b")
            }
            // One at a time for a webhook that fails.
            #expect(try await claim(database, webhook, at: late).count == 1)
        }
    }

    @Test(
        "A webhook gets no more at once than its share, and nothing while it is left in peace",
        arguments: DriverFactory.all)
    func shares(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            let other = Sample.webhook(of: organization, name: "other")
            try await database.write { transaction throws(DatabaseError) in try transaction.webhooks.insert(other) }
            for index in 0..<10 { _ = try await emit(database, organization, "s\(index)") }
            #expect(try due(database) == [webhook.id, other.id].sorted { $0.rawValue < $1.rawValue })
            let claims = try await claim(database, webhook)
            #expect(claims.count == 4)
            #expect(try due(database) == [other.id])
            #expect(try await claim(database, other).count == 2)
            #expect(try due(database) == [])
            let end = Self.now.adding(seconds: 60)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.deliveries.fail(
                    claims[0], DeliveryAttempt(error: "e"), nextAttemptAt: Self.now, pausesAfterMilliseconds: nil,
                    now: Self.now
                ) { _ in end }
            }
            #expect(try due(database) == [other.id])
            #expect(try await claim(database, webhook, at: end).count == 1)
        }
    }

    @Test("Of too many that wait the oldest fail, and what waits too long", arguments: DriverFactory.all)
    func bounds(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            var events: [EventID?] = []
            for index in 0..<6 { events.append(try await emit(database, organization, "s\(index)")) }
            let failed = try await database.write { transaction throws(DatabaseError) in
                let count = try transaction.deliveries.shorten(to: 4, now: Self.now)
                return (count, try transaction.deliveries.list(webhook.id, status: .failed).items)
            }
            #expect(failed.0 == 2 && Set(failed.1.map(\.event.id)) == Set(events[..<2].compactMap { $0 }))
            #expect(failed.1.allSatisfy { $0.lastError == "too many events wait for the webhook" })
            let rest = try await database.write { transaction throws(DatabaseError) in
                try transaction.deliveries.giveUp(before: Self.now, now: Self.now)
            }
            #expect(rest == 4)
            let later = Self.now.adding(seconds: 1)
            let purged = try await database.write { transaction throws(DatabaseError) in
                (try transaction.deliveries.purge(before: later), try transaction.events.purge(before: later))
            }
            #expect(purged == (6, 6))
        }
    }

    @Test("A webhook that only fails is paused after its time, and hears of nothing more", arguments: DriverFactory.all)
    func pause(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            _ = try await emit(database, organization, "s")
            var (now, isPaused) = (Self.now, false)
            for _ in 0..<4 {
                let claims = try await claim(database, webhook, at: now)
                let (claim, at) = (try #require(claims.first), now)
                now = now.adding(seconds: 25)
                let next = now
                let noted = try await database.write { transaction throws(DatabaseError) in
                    try transaction.deliveries.fail(
                        claim, DeliveryAttempt(error: "e"), nextAttemptAt: next, pausesAfterMilliseconds: 60_000,
                        now: at)
                }
                isPaused = noted == .paused
            }
            #expect(isPaused)
            let paused = try database.read { transaction throws(DatabaseError) in
                try transaction.webhooks.find(webhook.id)
            }
            #expect(paused?.isActive == false && paused?.health.pausedAt != nil && paused?.health.failures == 4)
            #expect(try await emit(database, organization, "t") == nil)
            #expect(try await claim(database, webhook, at: now).isEmpty)
        }
    }

    @Test("A deleted organization is told nothing, and nothing waits for it", arguments: DriverFactory.all)
    func deletion(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            let event = try await emit(database, organization, "s")
            let left = try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.organizations.delete(organization.internalID, now: Self.now)
                return (
                    try transaction.webhooks.find(webhook.id), try transaction.deliveries.pendingCount(),
                    try event.flatMap { event throws(DatabaseError) in try transaction.events.find(event) }
                )
            }
            #expect(event != nil && left.0 == nil && left.1 == 0 && left.2 == nil)
            #expect(try await emit(database, organization, "t") == nil)
        }
    }

    /// The thresholds that a webhook is told of, in order.
    private func told(_ database: any DatabaseDriver, _ webhook: Webhook) throws -> [Int64] {
        let deliveries = try database.read { transaction throws(DatabaseError) in
            try transaction.deliveries.list(webhook.id).items
        }
        return deliveries.sorted { $0.event.sequence < $1.event.sequence }
            .compactMap { $0.event.data["threshold_percent"]?.integerValue }
    }

    @Test(
        "Thresholds of credits are told once a period and allowance, the highest of several, none of an unlimited allowance",
        arguments: DriverFactory.all)
    func thresholds(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database)
            func told() throws -> [Int64] { try self.told(database, webhook) }
            try await database.spend(organization, 79)
            #expect(try told() == [])
            try await database.spend(organization, 1)
            try await database.spend(organization, 1)
            #expect(try told() == [80])
            try await database.spend(organization, 19)
            #expect(try told() == [80, 100])
            let id = organization.internalID
            func allow(_ credits: Int64) async throws {
                try await database.write { transaction throws(DatabaseError) in
                    _ = try transaction.organizations.update(id, now: Self.now) {
                        $0.monthlyAllowanceOverride = .limited(credits)
                    }
                }
            }
            // 100 of 110 are more than 80 %, which was told; of the larger allowance 95 and 100 % are new.
            try await allow(110)
            #expect(try told() == [80, 100])
            try await database.spend(organization, 5)
            try await database.spend(organization, 5)
            #expect(try told() == [80, 100, 95, 100])
            // A smaller one is used up at once, without another upload.
            try await allow(1_000)
            #expect(try told() == [80, 100, 95, 100])
            try await allow(112)
            #expect(try told() == [80, 100, 95, 100, 95])
            try await allow(50)
            #expect(try told() == [80, 100, 95, 100, 95, 100])
            try await allow(49)
            #expect(try told() == [80, 100, 95, 100, 95, 100])
            try await allow(110)
            let next = Moment.at("2026-04-02T00:00:00Z")
            try await database.spend(organization, 105, at: next)
            #expect(try told() == [80, 100, 95, 100, 95, 100, 95])
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.organizations.update(id, now: next) { $0.monthlyAllowanceOverride = .unlimited }
            }
            try await database.spend(organization, 1_000, at: Moment.at("2026-05-02T00:00:00Z"))
            #expect(try told() == [80, 100, 95, 100, 95, 100, 95])
        }
    }

    @Test("A purchase that raises the tier begins anew with the thresholds", arguments: DriverFactory.all)
    func thresholdsOfHigherTier(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, webhook) = try await prepare(database, allowance: nil)
            func told() throws -> [Int64] { try self.told(database, webhook) }
            try await database.spend(organization, 1_000)
            #expect(try told() == [100])
            let result = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(
                    100_000, to: organization.internalID, reason: "purchase", now: Self.now)
            }
            #expect(result?.upgradedTo == .pro)
            try await database.spend(organization, 78_999)
            #expect(try told() == [100])
            try await database.spend(organization, 1)
            #expect(try told() == [100, 80])
        }
    }
}
