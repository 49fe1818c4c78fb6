import Crypto
import Database
import Domain
import Testing

@Suite struct RecordTests {
    private func seeded(_ database: any DatabaseDriver) async throws -> Organization {
        let organization = Sample.organization()
        try await database.insert(organization)
        return organization
    }

    @Test(
        "A content in the database comes and goes with its row, and is whole again after it comes again",
        arguments: DriverFactory.all)
    func smallContents(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database).internalID
            let bytes = Array("content".utf8)
            let hash = SHA256.hash(of: "content")
            func kept() throws -> ([UInt8]?, Int) {
                try database.read { transaction throws(DatabaseError) in
                    (
                        try transaction.blobs.bytes(id, hash),
                        try transaction.query("SELECT id FROM blob_contents", []) { _ throws(DatabaseError) in 0 }.count
                    )
                }
            }
            func retain(_ bytes: [UInt8]?) async throws {
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.blobs.retain(id, hash, size: 7, bytes: bytes)
                }
            }
            // One that has a file already.
            try await retain(nil)
            #expect(try kept() == (nil, 0))
            try await retain(bytes)
            try await retain(nil)
            try await retain(bytes)
            #expect(try kept() == (bytes, 1))
            try await database.write { transaction throws(DatabaseError) in
                try transaction.execute("UPDATE blob_contents SET bytes = ?1", [.blob([1, 2, 3])])
            }
            try await retain(bytes)
            #expect(try kept() == (bytes, 1))
            for _ in 0..<5 {
                #expect(try kept() == (bytes, 1))
                try await database.write { transaction throws(DatabaseError) in
                    _ = try transaction.blobs.release(id, hash)
                    _ = try transaction.blobs.removeUnreferenced(id, hash)
                }
            }
            #expect(try kept() == (nil, 0))
        }
    }

    @Test(
        "A content is to be removed when the last reference to it is gone, and not after a new one",
        arguments: DriverFactory.all)
    func references(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = try await seeded(database)
            let id = organization.internalID
            let hash = SHA256.hash(of: "content")
            let other = SHA256.hash(of: "other")
            let results = try await database.write { transaction throws(DatabaseError) in
                let blobs = transaction.blobs
                try blobs.retain(id, hash, size: 7)
                try blobs.retain(id, hash, size: 7)
                try blobs.retain(id, other, size: 5)
                return [
                    try blobs.release(id, hash), try blobs.removeUnreferenced(id, hash),
                    try blobs.release(id, hash), try blobs.isReferenced(organization.id, hash),
                    try blobs.isReferenced(organization.id, other),
                ]
            }
            #expect(results == [false, false, true, false, true])
            let unreferenced = try database.read { transaction throws(DatabaseError) in
                try transaction.blobs.unreferenced().map { $0.sha256 }
            }
            #expect(unreferenced == [hash])
            // A new upload of it comes first: nothing is removed.
            let kept = try await database.write { transaction throws(DatabaseError) in
                try transaction.blobs.retain(id, hash, size: 7)
                return try transaction.blobs.removeUnreferenced(id, hash)
            }
            #expect(!kept)
            let removed = try await database.write { transaction throws(DatabaseError) in
                _ = try transaction.blobs.release(id, hash)
                return [
                    try transaction.blobs.removeUnreferenced(id, hash),
                    try transaction.blobs.removeUnreferenced(id, hash),
                ]
            }
            #expect(removed == [true, false])
            let listed = try database.read { transaction throws(DatabaseError) in
                try transaction.blobs.list(id).map { "\($0.sha256) \($0.size) \($0.referenceCount)" }
            }
            #expect(listed == ["\(other) 5 1"])
            await #expect(throws: DatabaseError.self) {
                try await database.write { transaction throws(DatabaseError) in try transaction.blobs.release(id, hash)
                }
            }
        }
    }

    @Test("Audit events come back as they were, newest first, to their own organization", arguments: DriverFactory.all)
    func audit(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, two) = (try await seeded(database), try await seeded(database))
            let events = (0..<5).map { index in
                AuditEvent(
                    id: RandomID.auditID(), organization: one.internalID,
                    at: Moment.start.adding(seconds: Int64(index)),
                    actor: "key_1", action: "organization.updated", resourceType: "organization",
                    resourceID: one.id.rawValue, before: index == 0 ? nil : ["name": "a"],
                    after: ["name": "b", "deep": ["x": [1, 2, nil]]], requestID: index == 1 ? nil : "req_1")
            }
            try await database.write { transaction throws(DatabaseError) in
                for event in events { try transaction.audit.insert(event) }
            }
            try database.read { transaction throws(DatabaseError) in
                let page = try transaction.audit.list(one.internalID, limit: 3)
                #expect(page.items == events.reversed().prefix(3).map { $0 })
                let rest = try transaction.audit.list(one.internalID, after: page.next, limit: 3)
                #expect(rest.items == [events[1], events[0]])
                #expect(rest.next == nil)
                #expect(try transaction.audit.find(one.internalID, id: events[0].id) == events[0])
                #expect(try transaction.audit.find(two.internalID, id: events[0].id) == nil)
                #expect(try transaction.audit.list(two.internalID).items.isEmpty)
            }
        }
    }

    @Test(
        "Of many that begin under one key, one runs; then all get its answer, for 24 hours",
        arguments: DriverFactory.all)
    func idempotency(_ factory: DriverFactory) async throws {
        let store = try factory.make()
        defer { store.remove() }
        let nodes = [try store.open(), try store.open()]
        defer { nodes.forEach { $0.close() } }
        let organization = try await seeded(nodes[0])
        let id = organization.internalID
        @Sendable func begin(_ index: Int, _ owner: UploadID, _ now: Timestamp) async throws -> IdempotencyOutcome {
            try await nodes[index % 2].write { transaction throws(DatabaseError) in
                try transaction.idempotency.begin(id, key: "k", owner: owner, node: "node_\(index % 2)", now: now)
            }
        }
        let outcomes = try await withThrowingTaskGroup(of: (UploadID, IdempotencyOutcome).self) { group in
            for index in 0..<32 {
                group.addTask {
                    let owner = RandomID.uploadID()
                    return (owner, try await begin(index, owner, Moment.start))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let begun = outcomes.filter { $0.1 == .begun }
        #expect(begun.count == 1)
        #expect(outcomes.count { $0.1 == .inProgress(since: Moment.start) } == 31)
        let winner = try #require(begun.first?.0)
        let answer = IdempotentAnswer(
            bodyHash: SHA256.hash(of: "body"), status: 201, response: "{\"a\": 1}", upload: winner)
        let foreign = IdempotentAnswer(
            bodyHash: answer.bodyHash, status: 201, response: "{}", upload: RandomID.uploadID())
        let kept = try await nodes[0].write { transaction throws(DatabaseError) in
            [
                // Somebody else can neither complete nor abandon it.
                try transaction.idempotency.complete(id, key: "k", answer: foreign),
                try transaction.idempotency.complete(id, key: "k", answer: answer),
                try transaction.idempotency.complete(id, key: "k", answer: answer),
            ]
        }
        #expect(kept == [false, true, false])
        try await nodes[0].write { transaction throws(DatabaseError) in
            try transaction.idempotency.abandon(id, key: "k", owner: winner)
        }
        let day = IdempotencyStore.lifetimeMilliseconds
        #expect(
            try await begin(0, RandomID.uploadID(), Moment.start.adding(milliseconds: day - 1)) == .complete(answer))
        #expect(try await begin(0, RandomID.uploadID(), Moment.start.adding(milliseconds: day)) == .begun)
    }

    @Test("What was abandoned, left by a node or too old is forgotten", arguments: DriverFactory.all)
    func forgotten(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database).internalID
            let owner = RandomID.uploadID()
            @Sendable func begin(_ key: String, _ node: String, _ seconds: Int64) async throws -> IdempotencyOutcome {
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.idempotency.begin(
                        id, key: key, owner: owner, node: node, now: Moment.start.adding(seconds: seconds))
                }
            }
            for (key, node, seconds) in [("a", "n1", 0), ("b", "n1", 1), ("c", "n2", 2), ("d", "n2", 3)]
                as [(String, String, Int64)]
            {
                #expect(try await begin(key, node, seconds) == .begun)
            }
            let counts = try await database.write { transaction throws(DatabaseError) in
                let idempotency = transaction.idempotency
                try idempotency.abandon(id, key: "a", owner: owner)
                let left = try idempotency.abandonAll(ofNode: "n1")
                let now = Moment.start.adding(milliseconds: IdempotencyStore.lifetimeMilliseconds + 2_500)
                return [left, try idempotency.expire(now: now)]
            }
            #expect(counts == [1, 1])
            #expect(try await begin("a", "n1", 4) == .begun)
            #expect(try await begin("b", "n1", 4) == .begun)
            #expect(try await begin("c", "n1", 4) == .begun)
            #expect(try await begin("d", "n1", 4) == .inProgress(since: Moment.start.adding(seconds: 3)))
        }
    }
}
