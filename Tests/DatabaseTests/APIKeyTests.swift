import Crypto
import Database
import Domain
import Testing

@Suite struct APIKeyTests {
    /// An organization with one user and one key.
    private func seed(_ database: any DatabaseDriver) async throws -> (Organization, User, APIKey) {
        let organization = Sample.organization()
        let user = Sample.user(of: organization)
        let key = Sample.key(of: user)
        try await database.insert(organization)
        try await database.write { transaction throws(DatabaseError) in
            guard try transaction.users.insert(user), try transaction.apiKeys.insert(key) else {
                throw .misuse("not inserted")
            }
        }
        return (organization, user, key)
    }

    @Test("A key's hash leads to the key and its organization in one read", arguments: DriverFactory.all)
    func caller(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, user, _) = try await seed(database)
            let full = APIKey(
                id: RandomID.keyID(), organization: organization.internalID, user: user.id, name: "full",
                description: "all fields", hash: SHA256.hash(of: "sk_full"), prefix: "sk_full",
                permissions: [.admin, .read], rateLimitOverride: 12, expiresAt: Moment.start.adding(seconds: 60),
                lastUsedAt: Moment.start, createdAt: Moment.start, createdBy: user.id, revokedAt: nil)
            let inserted = try await database.write { transaction throws(DatabaseError) in
                try transaction.apiKeys.insert(full)
            }
            #expect(inserted)
            let (caller, unknown) = try database.read { transaction throws(DatabaseError) in
                (
                    try transaction.apiKeys.caller(hash: SHA256.hash(of: "sk_full")),
                    try transaction.apiKeys.caller(hash: SHA256.hash(of: "sk_other"))
                )
            }
            #expect(caller?.key == full)
            #expect(caller?.organization == organization)
            #expect(unknown == nil)
        }
    }

    @Test("A suspended user's key leads to nobody", arguments: DriverFactory.all)
    func suspended(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, user, key) = try await seed(database)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.update(organization.internalID, email: user.email, now: Moment.start) {
                    $0.status = .suspended
                }
            }
            let caller = try database.read { transaction throws(DatabaseError) in
                try transaction.apiKeys.caller(hash: key.hash)?.key
            }
            #expect(caller == nil)
        }
    }

    @Test("A name is free again once its key was revoked", arguments: DriverFactory.all)
    func names(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, user, key) = try await seed(database)
            let id = organization.internalID
            let results = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.apiKeys.insert(Sample.key(of: user)),
                    try transaction.apiKeys.revoke(id, id: key.id, now: Moment.start),
                    try transaction.apiKeys.revoke(id, id: key.id, now: Moment.start),
                    try transaction.apiKeys.insert(Sample.key(of: user)),
                ]
            }
            #expect(results == [false, true, false, true])
            try database.read { transaction throws(DatabaseError) in
                #expect(try transaction.apiKeys.list(id).items.count == 1)
                #expect(try transaction.apiKeys.list(id, user: user.id, includingRevoked: true).items.count == 2)
                #expect(try transaction.apiKeys.list(id, user: RandomID.userID()).items.isEmpty)
                let named = try transaction.apiKeys.find(id, user: user.id, name: "main")
                #expect(named != nil && named?.id != key.id)
                let revoked = try transaction.apiKeys.caller(hash: key.hash)
                #expect(revoked?.key.isActive(at: Moment.start) == false)
            }
        }
    }

    @Test("A rotated key answers to its new secret only", arguments: DriverFactory.all)
    func rotation(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, _, key) = try await seed(database)
            let hash = SHA256.hash(of: "sk_new")
            let change = try await database.write { transaction throws(DatabaseError) in
                try transaction.apiKeys.update(organization.internalID, id: key.id) {
                    $0.hash = hash
                    $0.prefix = "sk_new"
                }.map { [$0.before, $0.after] }
            }
            #expect(change?.first == key)
            try database.read { transaction throws(DatabaseError) in
                #expect(try transaction.apiKeys.caller(hash: key.hash) == nil)
                #expect(try transaction.apiKeys.caller(hash: hash)?.key == change?.last)
            }
        }
    }

    @Test("A use is noted once a minute at most", arguments: DriverFactory.all)
    func touch(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (organization, _, key) = try await seed(database)
            #expect(APIKeyStore.needsTouch(key, now: Moment.start))
            // Seconds after the start, and what is noted after a use then.
            for (used, noted) in [(0, 0), (59, 0), (60, 60), (61, 60), (200, 200)] as [(Int64, Int64)] {
                try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                    try transaction.apiKeys.touch(key.id, now: Moment.start.adding(seconds: used))
                }
                let found = try database.read { transaction throws(DatabaseError) in
                    try transaction.apiKeys.find(organization.internalID, id: key.id)
                }
                #expect(found?.lastUsedAt == Moment.start.adding(seconds: noted))
                let found1 = try #require(found)
                #expect(!APIKeyStore.needsTouch(found1, now: Moment.start.adding(seconds: noted + 59)))
                #expect(APIKeyStore.needsTouch(found1, now: Moment.start.adding(seconds: noted + 60)))
            }
        }
    }
}
