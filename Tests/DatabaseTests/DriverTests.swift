import Crypto
import Database
import DatabaseSQLite
import Domain
import Execution
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct DriverTests {
    @Test("What a write returned from is there for the next read", arguments: DriverFactory.all)
    func readYourWrites(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            for durability in [Durability.durable, .relaxed] {
                let organization = Sample.organization()
                try await database.write(durability: durability) { transaction throws(DatabaseError) in
                    try transaction.organizations.insert(organization)
                }
                let found = try database.read { transaction throws(DatabaseError) in
                    try transaction.organizations.find(organization.id)
                }
                #expect(found == organization)
            }
        }
    }

    // All bodies wait behind the first one, so they share a group; the failing ones sit among the others in it.
    @Test("A body that throws takes back its own writes and nobody else's", arguments: DriverFactory.all)
    func savepoints(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organizations = (0..<60).map { _ in Sample.organization() }
            let results = try await withThrowingTaskGroup(of: (Int, DatabaseError?).self) { group in
                for (index, organization) in organizations.enumerated() {
                    group.addTask {
                        do throws(DatabaseError) {
                            try await database.write { transaction throws(DatabaseError) in
                                try transaction.organizations.insert(organization)
                                if index % 3 == 0 { throw .misuse("on purpose") }
                                // A statement that fails on a constraint: the first organization's key again.
                                if index % 3 == 1 { try transaction.organizations.insert(organization) }
                            }
                            return (index, nil)
                        } catch {
                            return (index, error)
                        }
                    }
                }
                return try await group.reduce(into: [Int: DatabaseError?]()) { $0[$1.0] = $1.1 }
            }
            for (index, organization) in organizations.enumerated() {
                let found = try database.read { transaction throws(DatabaseError) in
                    try transaction.organizations.find(organization.internalID)
                }
                switch index % 3 {
                case 0:
                    #expect(results[index] == .some(.misuse("on purpose")))
                    #expect(found == nil)
                case 1:
                    guard case .constraint? = results[index] ?? nil else {
                        Issue.record("expected a constraint error, got \(String(describing: results[index]))")
                        continue
                    }
                    #expect(found == nil)
                default:
                    #expect(results[index] == .some(nil))
                    #expect(found == organization)
                }
            }
        }
    }

    @Test("A read sees one snapshot, and does not wait for a writer", arguments: DriverFactory.all)
    func snapshot(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (first, second) = (Sample.organization(), Sample.organization())
            try await database.insert(first)
            let written = Flag()
            let reading = Flag()
            // On a thread of its own: the read below blocks one of the cooperative pool's, which may have no other.
            let writer = Task(executorPreference: BlockingExecutor(threads: 1)) {
                try await reading.wait()
                try await database.insert(second)
                written.set()
            }
            let (before, after) = try database.read { transaction throws(DatabaseError) in
                let before = try transaction.organizations.list().items.count
                reading.set()
                // The write commits while this read is under way.
                try written.block()
                return (before, try transaction.organizations.list().items.count)
            }
            try await writer.value
            #expect(before == 1)
            #expect(after == 1)
            let now = try database.read { transaction throws(DatabaseError) in
                try transaction.organizations.list().items.count
            }
            #expect(now == 2)
        }
    }

    @Test("A write inside a read is refused and changes nothing", arguments: DriverFactory.all)
    func readOnly(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            #expect(throws: DatabaseError.misuse("a write in a read transaction")) {
                try database.read { transaction throws(DatabaseError) in
                    try transaction.organizations.insert(organization)
                }
            }
            let found = try database.read { transaction throws(DatabaseError) in
                try transaction.organizations.find(organization.id)
            }
            #expect(found == nil)
        }
    }

    @Test("A transaction that outlives its body refuses to be used", arguments: DriverFactory.all)
    func escapedTransaction(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            var escaped: (any Transaction)?
            try database.read { transaction throws(DatabaseError) in escaped = transaction }
            let transaction = try #require(escaped)
            #expect(throws: DatabaseError.misuse("a transaction was used after its end")) {
                try transaction.organizations.list()
            }
        }
    }

    @Test("After close everything is refused, and closing again is harmless", arguments: DriverFactory.all)
    func closed(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            database.close()
            database.close()
            await #expect(throws: DatabaseError.closed) { try await database.insert(Sample.organization()) }
            #expect(throws: DatabaseError.closed) {
                try database.read { transaction throws(DatabaseError) in try transaction.organizations.list().items }
            }
        }
    }

    @Test("Closing finishes the writes that wait", arguments: DriverFactory.all)
    func closeFinishes(_ factory: DriverFactory) async throws {
        let store = try factory.make()
        defer { store.remove() }
        let database = try store.open()
        let acknowledged = await withTaskGroup(of: OrganizationID?.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    let organization = Sample.organization()
                    do {
                        try await database.insert(organization)
                        return organization.id
                    } catch {
                        #expect(error as? DatabaseError == .closed)
                        return nil
                    }
                }
            }
            group.addTask {
                database.close()
                return nil
            }
            return await group.reduce(into: Set()) { if let id = $1 { $0.insert(id) } }
        }
        let again = try store.open()
        defer { again.close() }
        let found = try again.read { transaction throws(DatabaseError) in
            try transaction.organizations.list(limit: 1000).items.map(\.id)
        }
        #expect(Set(found) == acknowledged)
    }

    @Test("Text of any Unicode, the empty text and bytes come back as they were", arguments: DriverFactory.all)
    func values(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            for name in ["", "naïve – 日本語 🙂", "quote ' and \" and \\", String(repeating: "x", count: 100_000)] {
                var organization = Sample.organization()
                organization.name = name
                organization.metadata = ["key\n": .string(name), "n": 1, "d": .number(0.1), "deep": [["x": nil]]]
                try await database.insert(organization)
                let found = try database.read { transaction throws(DatabaseError) in
                    try transaction.organizations.find(organization.internalID)
                }
                #expect(found == organization)
            }
        }
    }
}

/// A condition that one side sets and the other waits for. Nobody waits for ever: what the other side waits for in turn
/// may never come.
final class Flag: Sendable {
    /// Longer than other tests may keep the cooperative pool's threads busy.
    static let limitSeconds = 60.0

    private let value = Atomic<Bool>(false)
    func set() { value.store(true, ordering: .releasing) }
    var isSet: Bool { value.load(ordering: .acquiring) }

    func wait(seconds: Double = limitSeconds) async throws {
        guard await eventually(seconds: seconds, { isSet }) else {
            throw SupportError("the flag was not set within \(seconds) s")
        }
    }

    /// Blocks the thread. To be called in a transaction, which fails where the flag is not set in time.
    func block(seconds: Double = limitSeconds) throws(DatabaseError) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !isSet {
            guard ContinuousClock.now < deadline else {
                throw .misuse("the transaction was not let go within \(seconds) s")
            }
            usleep(1_000)
        }
    }
}

/// Asks again until the answer is yes or the time is over; the last answer.
func eventually(seconds: Double, _ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        guard ContinuousClock.now < deadline, !Task.isCancelled else { return condition() }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return true
}
