import Crypto
import Database
import Domain
import Testing

/// Secrets, filtered lists, usage by what it went into, and who still administrates.
@Suite struct TenancyRecordTests {
    private func sealed(_ organization: Organization, _ name: String, _ bytes: [UInt8] = [1, 2, 0xff]) -> SealedSecret {
        SealedSecret(organization: organization.internalID, name: name, sealed: bytes, keyFingerprint: "k1")
    }

    @Test("Secrets keep their sealed bytes, by name, within their organization", arguments: DriverFactory.all)
    func secrets(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, other) = (Sample.organization(), Sample.organization())
            for organization in [one, other] { try await database.insert(organization) }
            let replaced = SealedSecret(
                organization: one.internalID, name: "b", sealed: [9], keyFingerprint: "k2")
            let (first, second, third) = (sealed(one, "b"), sealed(one, "a"), sealed(other, "b"))
            let outcomes = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.secrets.insert(first, now: Moment.start),
                    try transaction.secrets.insert(first, now: Moment.start),
                    try transaction.secrets.insert(second, now: Moment.start),
                    try transaction.secrets.insert(third, now: Moment.start),
                    try transaction.secrets.update(replaced, now: Moment.start),
                    try transaction.secrets.delete(other.internalID, name: "a"),
                ]
            }
            #expect(outcomes == [true, false, true, true, true, false])
            try database.read { transaction throws(DatabaseError) in
                #expect(try transaction.secrets.names(one.internalID) == ["a", "b"])
                #expect(try transaction.secrets.find(one.internalID, name: "b") == replaced)
                #expect(try transaction.secrets.find(one.internalID, name: "a") == second)
                #expect(try transaction.secrets.find(one.internalID, name: "c") == nil)
                #expect(try transaction.secrets.missing(["a", "d", "c"], of: one.internalID) == ["c", "d"])
                #expect(try transaction.secrets.count(sealedByOtherThan: "k1") == 1)
            }
        }
    }

    @Test("Users are filtered and paged in one order, and counted alike", arguments: DriverFactory.all)
    func users(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in
                for index in 0..<6 {
                    var user = User(
                        id: RandomID.userID(), organization: organization.internalID, email: "u\(index)@example.org",
                        name: "U", role: index < 4 ? .member : .viewer,
                        createdAt: Moment.start.adding(seconds: Int64(index)), updatedAt: Moment.start)
                    if index == 0 { user.status = .suspended }
                    _ = try transaction.users.insert(user)
                }
            }
            let id = organization.internalID
            func list(_ filter: UserStore.Filter, skip: Int = 0, limit: Int = 100) throws -> ([String], Int) {
                try database.read { transaction throws(DatabaseError) in
                    (
                        try transaction.users.list(id, filter: filter, skip: skip, limit: limit).map(\.email),
                        try transaction.users.count(id, filter: filter)
                    )
                }
            }
            let members = ["u3@example.org", "u2@example.org", "u1@example.org", "u0@example.org"]
            #expect(try list(.init(role: .member)) == (members, 4))
            #expect(try list(.init(role: .member), skip: 1, limit: 2) == (Array(members[1...2]), 4))
            #expect(try list(.init(role: .member, status: .suspended)) == (["u0@example.org"], 1))
            #expect(try list(.init(), skip: 6) == ([], 6))
        }
    }

    @Test("Audit events are found by each part of the filter, and know who acted", arguments: DriverFactory.all)
    func audit(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let user = Sample.user(of: organization)
            let key = Sample.key(of: user)
            let id = organization.internalID
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                _ = try transaction.apiKeys.insert(key)
                for index in 0..<4 {
                    try transaction.audit.insert(
                        AuditEvent(
                            id: "aud_\(index)", organization: id, at: Moment.start.adding(seconds: Int64(index)),
                            actor: index == 0 ? "operator" : key.id.rawValue, action: index < 2 ? "a" : "b",
                            resourceType: "t\(index % 2)", resourceID: "r\(index)",
                            origin: AuditOrigin(address: "192.0.2.1", userAgent: "agent", reason: "why")))
                }
                try transaction.audit.insert(
                    AuditEvent(
                        id: "aud_gone", organization: id, at: Moment.start.adding(seconds: -1), actor: "key_gone",
                        action: "c", resourceType: "t", resourceID: "r"
                    ).naming(email: "gone@example.org", keyName: "gone"))
                // Whom the events name is known to them, not looked up later.
                _ = try transaction.users.delete(id, email: user.email)
            }
            func find(_ change: (inout AuditFilter) -> Void) throws -> [String] {
                var filter = AuditFilter()
                change(&filter)
                let wanted = filter
                let (events, count) = try database.read { transaction throws(DatabaseError) in
                    (
                        try transaction.audit.list(id, filter: wanted, skip: 0, limit: 10),
                        try transaction.audit.count(id, filter: wanted)
                    )
                }
                #expect(events.count == count)
                return events.map(\.id)
            }
            #expect(try find { _ in } == ["aud_3", "aud_2", "aud_1", "aud_0", "aud_gone"])
            #expect(try find { $0.action = "a" } == ["aud_1", "aud_0"])
            #expect(try find { $0.resourceType = "t1" } == ["aud_3", "aud_1"])
            #expect(try find { $0.resourceID = "r2" } == ["aud_2"])
            #expect(try find { $0.actor = "operator" } == ["aud_0"])
            #expect(try find { $0.start = Moment.start.adding(seconds: 2) } == ["aud_3", "aud_2"])
            #expect(try find { $0.end = Moment.start.adding(seconds: 2) } == ["aud_1", "aud_0", "aud_gone"])
            let event = try database.read { transaction throws(DatabaseError) in
                try transaction.audit.find(id, id: "aud_3")
            }
            #expect(event?.actorEmail == user.email && event?.actorKeyName == key.name)
            #expect(event?.origin == AuditOrigin(address: "192.0.2.1", userAgent: "agent", reason: "why"))
            let gone = try database.read { transaction throws(DatabaseError) in
                try transaction.audit.find(id, id: "aud_gone")
            }
            #expect(gone?.actorEmail == "gone@example.org" && gone?.actorKeyName == "gone")
        }
    }

    @Test("Captured credits are told apart by bucket, media type and key, and add up", arguments: DriverFactory.all)
    func usage(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let id = organization.internalID
            try await database.insert(organization)
            let now = Moment.start
            let uploads: [UploadRecord] = [
                Sample.upload(of: id, bucket: "a", mediaType: .png),
                Sample.upload(of: id, bucket: "b", mediaType: .png),
                Sample.upload(of: id, bucket: "b", mediaType: .jpeg),
            ]
            try await database.write { transaction throws(DatabaseError) in
                for (index, upload) in uploads.enumerated() {
                    try transaction.uploads.insert(upload)
                    let placed = try transaction.credits.placeHold(
                        organization: id, amount: Int64(index + 1), upload: upload.id, node: "n",
                        expiresAt: now.adding(seconds: 60), now: now)
                    guard case .placed(let hold, _) = placed else { throw .misuse("not placed") }
                    _ = try transaction.credits.captureHold(
                        hold, amount: Int64(index + 1), bytes: Int64(index * 10), now: now)
                }
            }
            let period = BillingPeriod(containing: now, cycleStart: 1)
            try database.read { transaction throws(DatabaseError) in
                func credits(_ dimension: UsageDimension) throws(DatabaseError) -> [String: Int64] {
                    var credits: [String: Int64] = [:]
                    for (name, usage) in try transaction.credits.usage(of: id, by: dimension, in: period) {
                        credits[name] = usage.credits
                    }
                    return credits
                }
                #expect(try credits(.bucket) == ["a": 1, "b": 5])
                #expect(try credits(.mediaType) == ["image/png": 3, "image/jpeg": 3])
                #expect(try credits(.key).values.reduce(0, +) == 6)
                let key = try transaction.credits.usage(of: id, key: uploads[0].key, in: period)
                let all = try transaction.credits.usage(of: id, in: period)
                #expect(all == CreditUsage(credits: 6, bytes: 30, uploads: 3))
                #expect(key.credits <= all.credits && key.uploads >= 1)
                let none = try transaction.credits.usage(of: id, key: RandomID.keyID(), in: period)
                #expect(none == CreditUsage(credits: 0, bytes: 0, uploads: 0))
                #expect(try transaction.uploads.count(id, status: .completed, in: period) == 3)
                #expect(try transaction.uploads.count(id, status: .rejected, in: period) == 0)
            }
        }
    }

    @Test("An administrator is an active admin with a good key that administrates", arguments: DriverFactory.all)
    func administrators(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let user = Sample.user(of: organization)
            let (id, now) = (organization.internalID, Moment.start)
            var (admin, reader) = (Sample.key(of: user, name: "admin"), Sample.key(of: user, name: "reader"))
            admin.permissions = [.read, .admin]
            reader.permissions = [.read]
            let keys = [admin, reader]
            try await database.insert(organization)
            func has(
                besidesKey key: KeyID? = nil, besidesUser user: UserID? = nil, at moment: Timestamp = Moment.start
            ) throws -> Bool {
                try database.read { transaction throws(DatabaseError) in
                    try transaction.apiKeys.administrationEnd(id, besidesKey: key, besidesUser: user, now: moment)
                        != nil
                }
            }
            #expect(try !has())
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                for key in keys { _ = try transaction.apiKeys.insert(key) }
            }
            #expect(try has())
            #expect(try !has(besidesKey: admin.id) && !has(besidesUser: user.id) && has(besidesKey: reader.id))
            for (role, status) in [(UserRole.member, UserStatus.active), (.admin, .suspended), (.admin, .pending)] {
                try await database.write { transaction throws(DatabaseError) in
                    _ = try transaction.users.update(id, email: user.email, now: now) {
                        ($0.role, $0.status) = (role, status)
                    }
                }
                #expect(try !has(), "\(role) \(status)")
            }
            let adminID = admin.id
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.update(id, email: user.email, now: now) {
                    ($0.role, $0.status) = (.admin, .active)
                }
                _ = try transaction.apiKeys.update(id, id: adminID) { $0.expiresAt = now.adding(seconds: 5) }
            }
            #expect(try has(at: now.adding(seconds: 4)) && !has(at: now.adding(seconds: 5)))
            try await database.write { transaction throws(DatabaseError) in
                let keys = transaction.apiKeys
                #expect(try keys.count(of: user.id, in: id, now: now) == 2)
                #expect(try keys.count(of: user.id, in: id, now: now.adding(seconds: 5)) == 1)
                #expect(Set(try keys.revokeAll(of: user.id, in: id, now: now).map(\.name)) == ["admin", "reader"])
                #expect(try keys.count(of: user.id, in: id, now: now) == 0)
                #expect(try keys.revokeAll(of: user.id, in: id, now: now).isEmpty)
            }
            #expect(try !has())
        }
    }

    @Test(
        "Administration ends with the longest-lived key, and an expired key's name can be freed",
        arguments: DriverFactory.all)
    func administrationEnd(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let user = Sample.user(of: organization)
            let (id, now) = (organization.internalID, Moment.start)
            var (short, long) = (Sample.key(of: user, name: "short"), Sample.key(of: user, name: "long"))
            (short.permissions, short.expiresAt) = ([.admin], now.adding(seconds: 5))
            (long.permissions, long.expiresAt) = ([.admin], now.adding(seconds: 9))
            let (first, second) = (short, long)
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                for key in [first, second] { _ = try transaction.apiKeys.insert(key) }
                let keys = transaction.apiKeys
                #expect(try keys.administrationEnd(id, now: now) == second.expiresAt)
                #expect(try keys.administrationEnd(id, besidesKey: second.id, now: now) == first.expiresAt)
                let later = now.adding(seconds: 5)
                #expect(try keys.administrationEnd(id, besidesKey: second.id, now: later) == nil)
                #expect(try keys.revokeExpired(named: "short", of: user.id, in: id, now: now) == nil)
                #expect(try keys.revokeExpired(named: "short", of: user.id, in: id, now: later) == first)
                #expect(try keys.revokeExpired(named: "short", of: user.id, in: id, now: later) == nil)
                #expect(try keys.revokeExpired(named: "long", of: user.id, in: id, now: later) == nil)
                _ = try keys.update(id, id: second.id) { $0.expiresAt = nil }
                #expect(try keys.administrationEnd(id, now: now) == .never)
            }
        }
    }

    @Test("A key is looked up with no more than its user's role allows", arguments: DriverFactory.all)
    func roleLimits(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            let user = Sample.user(of: organization)
            let id = organization.internalID
            var key = Sample.key(of: user)
            key.permissions = [.read, .admin]
            let stored = key
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.users.insert(user)
                _ = try transaction.apiKeys.insert(stored)
            }
            for (role, expected) in [
                (UserRole.admin, Set([Permission.read, .admin])), (.member, [.read, .delete]), (.viewer, [.read]),
            ] {
                let caller = try await database.write { transaction throws(DatabaseError) in
                    _ = try transaction.users.update(id, email: user.email, now: Moment.start) { $0.role = role }
                    return try transaction.apiKeys.caller(hash: stored.hash)
                }
                #expect(caller?.key.permissions == expected, "\(role)")
            }
        }
    }
}
