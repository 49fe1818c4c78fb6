import Crypto
import Database
import DatabaseSQLite
import Domain
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct GroupCommitTests {
    private func withSQLite(_ body: (SQLiteDatabase) async throws -> Void) async throws {
        let store = SQLiteTestStore()
        defer { store.remove() }
        let database = try SQLiteDatabase(path: store.path, now: Moment.start)
        defer { database.close() }
        try await body(database)
    }

    /// Runs `writes` so that they all wait while a first write is under way, which must take no more than `seconds`.
    private func together(
        _ database: SQLiteDatabase, _ writes: [@Sendable () async throws -> Void], seconds: Double = Flag.limitSeconds
    ) async throws -> [DatabaseError?] {
        let (started, mayEnd) = (Flag(), Flag())
        defer { mayEnd.set() }
        let first = Task {
            try await database.write { transaction throws(DatabaseError) in
                started.set()
                try mayEnd.block(seconds: seconds)
            }
        }
        try await started.wait()
        let results = Task {
            await withTaskGroup(of: (Int, DatabaseError?).self) { group in
                for (index, write) in writes.enumerated() {
                    group.addTask {
                        do {
                            try await write()
                            return (index, nil)
                        } catch {
                            return (index, error as? DatabaseError)
                        }
                    }
                }
                var results = [DatabaseError?](repeating: nil, count: writes.count)
                for await (index, error) in group { results[index] = error }
                return results
            }
        }
        // All of them are queued when this many wait; the first one is under way.
        let areWaiting = await eventually(seconds: seconds) { database.waitingWrites >= writes.count }
        mayEnd.set()
        let all = await results.value
        try await first.value
        guard areWaiting else { throw SupportError("the writes did not come together within \(seconds) s") }
        return all
    }

    /// The mechanism guarded: on a machine so busy that the first write's time was over before the others had come, that
    /// write ended and the others did not wait for it, but the test waited for them to wait, for ever.
    @Test("Writes that do not come together while the first is held fail their test, and do not hang it")
    func lapsed() async throws {
        try await withSQLite { database in
            var writes = (0..<5).map { _ -> @Sendable () async throws -> Void in
                { try await database.insert(Sample.organization()) }
            }
            // One that never waits for the writer.
            writes.append {}
            await #expect(throws: (any Error).self) { try await together(database, writes, seconds: 0.2) }
            #expect(database.waitingWrites == 0)
        }
    }

    @Test("Writes that wait at the same time share one commit and one sync")
    func sharesCommit() async throws {
        try await withSQLite { database in
            let before = database.statistics.commits
            let writes = (0..<200).map { _ -> @Sendable () async throws -> Void in
                { try await database.insert(Sample.organization()) }
            }
            let results = try await together(database, writes)
            #expect(results.allSatisfy { $0 == nil })
            #expect(database.statistics.writes == 201)
            // One for the write that the others waited behind, one for all the others.
            #expect(database.statistics.commits - before == 2)
            #expect(database.statistics.syncs - before == 2)
        }
    }

    @Test("A commit syncs if one of its writes asks for it")
    func relaxed() async throws {
        try await withSQLite { database in
            func write(_ durability: Durability) async throws {
                try await database.write(durability: durability) { transaction throws(DatabaseError) in
                    try transaction.organizations.insert(Sample.organization())
                }
            }
            try await write(.relaxed)
            try await write(.relaxed)
            #expect(database.statistics.commits == 2)
            #expect(database.statistics.syncs == 0)
            try await write(.durable)
            try await write(.relaxed)
            #expect(database.statistics.commits == 4)
            #expect(database.statistics.syncs == 1)
        }
    }

    private static func organizations(_ transaction: any Transaction) throws(DatabaseError) -> Int {
        try transaction.organizations.list(after: nil, limit: 100).items.count
    }

    // An unlinked file does not come back when the commit fails or the process is killed before it. A write that acts on
    // a row which another write of its group has only just changed would act on what may never have happened.
    @Test("A write with an effect outside the database sees nothing that is not committed")
    func outsideEffect() async throws {
        try await withSQLite { database in
            let (started, mayEnd) = (Flag(), Flag())
            let first = Task {
                try await database.write { transaction throws(DatabaseError) in
                    started.set()
                    try mayEnd.block()
                }
            }
            defer { mayEnd.set() }
            try await started.wait()
            let seen = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
                // Ordinary writes and outside effects, two of each in turn, queued one after the other.
                for number in 0..<12 {
                    group.addTask {
                        if number % 4 < 2 {
                            try await database.insert(Sample.organization())
                            return (number, [])
                        }
                        let counts = try await database.write(durability: .durableWithOutsideEffect) {
                            transaction throws(DatabaseError) in
                            try [Self.organizations(transaction), database.read(Self.organizations)]
                        }
                        return (number, counts)
                    }
                    let deadline = ContinuousClock.now + .seconds(30)
                    while database.waitingWrites < number + 1, ContinuousClock.now < deadline {
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                mayEnd.set()
                var seen: [Int: [Int]] = [:]
                for try await (number, counts) in group { seen[number] = counts }
                return seen
            }
            try await first.value
            #expect(
                seen.filter { !$0.value.isEmpty } == [
                    2: [2, 2], 3: [2, 2], 6: [4, 4], 7: [4, 4], 10: [6, 6], 11: [6, 6],
                ])
            // Two ordinary writes, then twice two effects with the two ordinary ones after them, then the last effects.
            #expect(database.statistics.commits == 5)
        }
    }

    // A row whose owner is missing, checked when the transaction ends, makes the COMMIT itself fail.
    @Test("When the commit fails, every write of the group fails with its error, and nothing of it is kept")
    func failedCommit() async throws {
        try await withSQLite { database in
            let organizations = (0..<5).map { _ in Sample.organization() }
            let orphan = Sample.upload(of: RandomID.internalID())
            var writes = organizations.map { organization -> @Sendable () async throws -> Void in
                { try await database.insert(organization) }
            }
            writes.insert(
                {
                    try await database.write { transaction throws(DatabaseError) in
                        try transaction.execute("PRAGMA defer_foreign_keys = ON", [])
                        try transaction.uploads.insert(orphan)
                    }
                }, at: 2)
            let results = try await together(database, writes)
            #expect(results.count == 6)
            for result in results {
                guard case .constraint? = result else {
                    Issue.record("\(String(describing: result))")
                    continue
                }
            }
            try await expectEmptyThenWorking(database)
        }
    }

    // Disk full and other failures may end the whole transaction in the middle of a body, as this body does itself.
    @Test("When a body's failure ends the transaction, no write of the group is acknowledged")
    func lostTransaction() async throws {
        try await withSQLite { database in
            var writes = (0..<5).map { _ -> @Sendable () async throws -> Void in
                { try await database.insert(Sample.organization()) }
            }
            writes.append {
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.execute("ROLLBACK", [])
                    throw .misuse("on purpose")
                }
            }
            let results = try await together(database, writes)
            // The order of the group is the order in which the tasks came; those before the culprit were undone.
            #expect(results.allSatisfy { $0 != nil })
            try await expectEmptyThenWorking(database)
        }
    }

    private func expectEmptyThenWorking(_ database: SQLiteDatabase) async throws {
        func count() throws -> Int {
            try database.read { transaction throws(DatabaseError) in
                try transaction.organizations.list().items.count
            }
        }
        #expect(try count() == 0)
        try await database.insert(Sample.organization())
        #expect(try count() == 1)
    }
}
