import Crypto
import Database
import Domain
import Testing

@Suite struct TenantTests {
    @Test("An organization comes back with every field as it was", arguments: DriverFactory.all)
    func everyField(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let full = Organization(
                internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Full",
                logoURL: "https://example.org/logo.png", billingEmail: "b@example.org",
                notificationsEmail: "n@example.org", metadata: ["team": "red"], tier: .enterprise,
                infrastructure: [:], rateLimits: .init([.upload: 7]),
                rateLimitOverrides: .init([.metadata: 3, .data: 1]),
                defaultLLMCredentials: ["openai": "secret-name", "a": "b"],
                gate: GateSettings(checkEnabled: false, failClosed: true), monthlyAllowanceOverride: .limited(0),
                autoBillingEnabled: true, billingCycleStart: 31, createdAt: Moment.start,
                updatedAt: Moment.start.adding(milliseconds: 7))
            var unlimited = Sample.organization(allowance: .unlimited)
            unlimited.infrastructure = ["region": "eu"]
            for organization in [full, unlimited, Sample.organization()] {
                try await database.insert(organization)
                let (byInternal, byPublic, policy) = try database.read { transaction throws(DatabaseError) in
                    (
                        try transaction.organizations.find(organization.internalID),
                        try transaction.organizations.find(organization.id),
                        try transaction.organizations.gatePolicy(organization.internalID)
                    )
                }
                #expect(byInternal == organization)
                #expect(byPublic == organization)
                #expect(policy == organization.gatePolicy)
            }
        }
    }

    @Test("Concurrent changes of different fields all take effect", arguments: DriverFactory.all)
    func concurrentUpdates(_ factory: DriverFactory) async throws {
        let store = try factory.make()
        defer { store.remove() }
        // Two drivers, as two nodes on one database have.
        let nodes = [try store.open(), try store.open()]
        defer { nodes.forEach { $0.close() } }
        let organization = Sample.organization()
        let id = organization.internalID
        try await nodes[0].insert(organization)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask {
                    _ = try await nodes[index % 2].write { transaction throws(DatabaseError) in
                        let change = try transaction.organizations.update(id, now: Moment.start) { organization in
                            organization.metadata["field\(index)"] = .integer(Int64(index))
                        }
                        guard change != nil else { throw .misuse("the organization is gone") }
                    }
                }
            }
            try await group.waitForAll()
        }
        let found = try nodes[1].read { transaction throws(DatabaseError) in try transaction.organizations.find(id) }
        #expect(found?.metadata.count == 40)
        #expect(found?.metadata["field39"] == 39)
    }

    @Test("An update tells before and after, and of nobody without such an organization", arguments: DriverFactory.all)
    func updateResult(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            let later = Moment.start.adding(seconds: 5)
            let change = try await database.write { transaction throws(DatabaseError) in
                let change = try transaction.organizations.update(organization.internalID, now: later) {
                    $0.gate.failClosed = true
                    $0.tier = .team
                }
                return change.map { [$0.before, $0.after] }
            }
            var expected = organization
            expected.gate.failClosed = true
            expected.tier = .team
            expected.updatedAt = later
            #expect(change == [organization, expected])
            let missing = try await database.write { transaction throws(DatabaseError) in
                try transaction.organizations.update(RandomID.internalID(), now: later) { _ in }?.after
            }
            #expect(missing == nil)
        }
    }

    @Test("Pages of organizations show each once, newest first", arguments: DriverFactory.all)
    func pages(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            // Several of the same moment, so that the id decides.
            let all = (0..<25).map { Sample.organization(createdAt: Moment.start.adding(seconds: Int64($0 / 4))) }
            for organization in all { try await database.insert(organization) }
            var seen: [Organization] = []
            var cursor: PageCursor?
            repeat {
                let page = try database.read { transaction throws(DatabaseError) in
                    try transaction.organizations.list(after: cursor, limit: 4)
                }
                #expect(page.items.count <= 4)
                seen += page.items
                cursor = page.next.flatMap { PageCursor(encoded: $0.encoded) }
                #expect(cursor == page.next)
            } while cursor != nil
            #expect(seen.count == 25)
            #expect(Set(seen) == Set(all))
            #expect(seen.map(\.createdAt) == all.map(\.createdAt).sorted(by: >))
        }
    }

    @Test("A cursor that no page gave is refused")
    func cursors() {
        for text in ["", ".", "1.", "x.id", "1", ".id", "1.a b", "1." + String(repeating: "x", count: 200), "1.ä"] {
            #expect(PageCursor(encoded: text) == nil, "\(text)")
        }
    }

    @Test("A deleted organization is found by nothing, and its keys are dead", arguments: DriverFactory.all)
    func deletion(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let user = Sample.user(of: organization)
            let key = Sample.key(of: user)
            try await database.insert(organization)
            let deletions = try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                _ = try transaction.apiKeys.insert(key)
                return [
                    try transaction.organizations.delete(organization.internalID, now: Moment.start),
                    try transaction.organizations.delete(organization.internalID, now: Moment.start),
                ]
            }
            #expect(deletions == [true, false])
            try database.read { transaction throws(DatabaseError) in
                let organizations = transaction.organizations
                #expect(try organizations.find(organization.id) == nil)
                #expect(try organizations.find(organization.internalID) == nil)
                #expect(try organizations.gatePolicy(organization.internalID) == nil)
                #expect(try organizations.list().items.isEmpty)
                #expect(try transaction.apiKeys.caller(hash: key.hash) == nil)
                let key = try transaction.apiKeys.find(organization.internalID, id: key.id)
                #expect(key?.revokedAt == Moment.start)
            }
        }
    }

    @Test("An email address is unique within its organization only", arguments: DriverFactory.all)
    func uniqueEmail(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, two) = (Sample.organization(), Sample.organization())
            try await database.insert(one)
            try await database.insert(two)
            let inserted = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.users.insert(Sample.user(of: one)),
                    try transaction.users.insert(Sample.user(of: one)),
                    try transaction.users.insert(Sample.user(of: two)),
                    try transaction.users.insert(Sample.user(of: one, email: "b@example.org")),
                ]
            }
            #expect(inserted == [true, false, true, true])
        }
    }

    @Test("Users are changed, listed and deleted, and a user's keys go with it", arguments: DriverFactory.all)
    func users(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let id = organization.internalID
            let user = Sample.user(of: organization)
            let key = Sample.key(of: user)
            try await database.insert(organization)
            let later = Moment.start.adding(seconds: 1)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                _ = try transaction.apiKeys.insert(key)
                _ = try transaction.users.update(id, email: user.email, now: later) {
                    $0.role = .viewer
                    $0.avatarURL = "https://example.org/a.png"
                    $0.metadata = ["x": true]
                }
            }
            var expected = user
            expected.role = .viewer
            expected.avatarURL = "https://example.org/a.png"
            expected.metadata = ["x": true]
            expected.updatedAt = later
            try database.read { transaction throws(DatabaseError) in
                #expect(try transaction.users.find(id, email: user.email) == expected)
                #expect(try transaction.users.find(id, id: user.id) == expected)
                #expect(try transaction.users.list(id).items == [expected])
                #expect(try transaction.users.find(RandomID.internalID(), email: user.email) == nil)
            }
            let deleted = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.users.delete(id, email: user.email),
                    try transaction.users.delete(id, email: user.email),
                ]
            }
            #expect(deleted == [expected, nil])
            let caller = try database.read { transaction throws(DatabaseError) in
                try transaction.apiKeys.caller(hash: key.hash)?.key
            }
            #expect(caller == nil)
        }
    }
}
