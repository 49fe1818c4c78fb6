package import Domain

/// One step of the schema. A step that was released is never changed; a correction is a new step.
package struct Migration: Sendable {
    package let version: Int
    /// One statement each, in the driver's dialect.
    package let statements: [String]

    package init(version: Int, statements: [String]) {
        self.version = version
        self.statements = statements
    }
}

/// Brings a database to the schema that this build knows.
package struct Migrator: Sendable {
    private let migrations: [Migration]

    /// - Parameter migrations: versions 1, 2, 3, … in order.
    package init(_ migrations: [Migration]) {
        precondition(migrations.map(\.version) == Array(1...migrations.count), "migrations are numbered from 1")
        self.migrations = migrations
    }

    package var latestVersion: Int { migrations.count }

    /// The version of the schema that is there, 0 for an empty database.
    package func currentVersion(in transaction: any Transaction) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)
            """, [])
        return Int(try transaction.count("SELECT COALESCE(MAX(version), 0) FROM schema_version", []))
    }

    /// Applies what is missing, inside the transaction that it is given; refuses a schema newer than this build.
    package func migrate(_ transaction: any Transaction, now: Timestamp) throws(DatabaseError) {
        let current = try currentVersion(in: transaction)
        guard current <= latestVersion else {
            throw .newerSchema(found: current, supported: latestVersion)
        }
        for migration in migrations[current...] {
            for statement in migration.statements { try transaction.execute(statement, []) }
            try transaction.execute(
                "INSERT INTO schema_version (version, applied_at) VALUES (?1, ?2)",
                [.init(migration.version), .init(now)])
        }
    }
}
