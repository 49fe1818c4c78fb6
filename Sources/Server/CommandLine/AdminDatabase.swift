import Database
import DatabaseSQLite
import Domain
import Settings
import Telemetry
import Tenancy

/// The database as the command line uses it: opened for one operation, beside a service that may be running.
enum AdminDatabase {
    /// The user that `org create` makes and `key create` makes keys for, unless told otherwise.
    static let defaultUser = "admin@localhost.localdomain"
    /// Who the audit log says it was.
    static let actor = "command_line"
    static let author = OperatorAuthor(actor: actor, requestID: actor)

    /// - Parameter isCreating: whether a data directory is made where there is none.
    static func use<T: Sendable>(
        isCreating: Bool = false, _ body: @escaping @Sendable (OrganizationDirectory) async throws -> T
    ) throws -> T {
        try use(isCreating: isCreating) { database, _ in
            try await body(OrganizationDirectory(database: database, time: SystemTime()))
        }
    }

    /// - Parameter body: is given the database and the data directory's path.
    static func use<T: Sendable>(
        isCreating: Bool = false, _ body: @escaping @Sendable (any DatabaseDriver, String) async throws -> T
    ) throws -> T {
        let settings = try Configuration.load()
        let directory = settings.storage.dataDirectory
        let database =
            try isCreating
            ? DataDirectory.openDatabase(in: directory) : DataDirectory.openExistingDatabase(in: directory)
        defer { database.close() }
        do {
            return try runBlocking { try await body(database, directory) }
        } catch let failure as Failure {
            throw CommandFailure(failure)
        }
    }
}

/// A failure in the words of a command line.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    init(_ failure: Failure) {
        description = failure.privateDetail.map { "\(failure.message) (\($0))" } ?? failure.message
    }
}
