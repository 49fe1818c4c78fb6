import Database
import DatabaseSQLite
import Domain
import Testing

@Suite struct MigrationTests {
    private static let first = Migration(version: 1, statements: ["CREATE TABLE things (id INTEGER)"])
    private static let second = Migration(
        version: 2, statements: ["ALTER TABLE things ADD COLUMN name TEXT", "INSERT INTO things VALUES (1, 'one')"])

    /// On a table of its own, so that the service's schema is not in the way.
    private func reset(_ database: any DatabaseDriver) async throws {
        try await database.write { transaction throws(DatabaseError) in
            try transaction.execute("DELETE FROM schema_version", [])
        }
    }

    @Test("Each step runs once, in order, and is noted with its time", arguments: DriverFactory.all)
    func steps(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            try await reset(database)
            for (migrations, at) in [
                ([Self.first], 1), ([Self.first, Self.second], 2), ([Self.first, Self.second], 3),
            ]
                as [([Migration], Int64)]
            {
                try await database.write { transaction throws(DatabaseError) in
                    try Migrator(migrations).migrate(transaction, now: Timestamp(milliseconds: at))
                }
            }
            let (versions, names) = try database.read { transaction throws(DatabaseError) in
                (
                    try transaction.query("SELECT version, applied_at FROM schema_version ORDER BY version", []) {
                        row throws(DatabaseError) in "\(try row.integer()) at \(try row.integer())"
                    },
                    try transaction.query("SELECT name FROM things", []) { row throws(DatabaseError) in try row.text() }
                )
            }
            #expect(versions == ["1 at 1", "2 at 2"])
            #expect(names == ["one"])
        }
    }

    @Test("A step that fails leaves the schema as it was", arguments: DriverFactory.all)
    func failure(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            try await reset(database)
            let broken = Migration(version: 2, statements: ["CREATE TABLE more (id INTEGER)", "CREATE NONSENSE"])
            await #expect(throws: DatabaseError.self) {
                try await database.write { transaction throws(DatabaseError) in
                    try Migrator([Self.first, broken]).migrate(transaction, now: Moment.start)
                }
            }
            // Neither the first step nor the broken one's beginning is there, so both names are free.
            try await database.write { transaction throws(DatabaseError) in
                try transaction.execute("CREATE TABLE more (id INTEGER)", [])
                try Migrator([Self.first]).migrate(transaction, now: Moment.start)
            }
        }
    }

    @Test("A schema of a later build is refused, and says so", arguments: DriverFactory.all)
    func newer(_ factory: DriverFactory) async throws {
        let store = try factory.make()
        defer { store.remove() }
        let database = try store.open()
        let organization = Sample.organization()
        try await database.insert(organization)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.execute("INSERT INTO schema_version VALUES (99, 0)", [])
        }
        database.close()
        let error = #expect(throws: DatabaseError.self) { _ = try store.open() }
        guard case .newerSchema(found: 99, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("schema version 99, and this build knows versions up to") == true)
    }
}
