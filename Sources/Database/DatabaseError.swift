/// What can go wrong with the database, whatever the driver.
package enum DatabaseError: Error, Hashable, Sendable {
    /// The storage is full; nothing of the transaction was kept.
    case full(String)
    /// Somebody else held a lock for longer than the driver waits; a repeat may succeed.
    case busy(String)
    /// The database cannot be opened: the path, the permissions, or somebody's exclusive lock.
    case cannotOpen(String)
    /// The file is no database of this service.
    case notADatabase(String)
    /// The file is damaged.
    case corrupt(String)
    /// The schema was written by a later version of this service.
    case newerSchema(found: Int, supported: Int)
    /// The schema was written by an earlier version, and this use of it changes nothing.
    case olderSchema(found: Int, expected: Int)
    /// A UNIQUE, FOREIGN KEY, NOT NULL or CHECK constraint does not hold.
    case constraint(String)
    /// A stored value is not what its column holds.
    case invalidRow(String)
    /// The caller's own mistake: a write in a read transaction, a capture larger than its hold.
    case misuse(String)
    /// The disk failed.
    case inputOutput(String)
    /// A read took longer than the driver allows, and was interrupted.
    case tookTooLong
    /// More writes wait than the driver queues.
    case overloaded
    /// The driver was closed.
    case closed
    /// Anything else that the driver reports, with its code.
    case failed(code: Int, message: String)
}

extension DatabaseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full(let detail): "the database's storage is full: \(detail)"
        case .busy(let detail): "the database is locked by another process: \(detail)"
        case .cannotOpen(let detail): "the database cannot be opened: \(detail)"
        case .notADatabase(let detail): "not a database of this service: \(detail)"
        case .corrupt(let detail): "the database is damaged: \(detail)"
        case .newerSchema(let found, let supported):
            "the database has schema version \(found), and this build knows versions up to \(supported): "
                + "run the newer build, or restore a backup made before the upgrade"
        case .olderSchema(let found, let expected):
            "the database has schema version \(found), and this build works with version \(expected): "
                + "start this build's service once, which brings it up to date"
        case .constraint(let detail): "a constraint of the database does not hold: \(detail)"
        case .invalidRow(let detail): "the database holds a value that this build cannot read: \(detail)"
        case .misuse(let detail): "the database was misused: \(detail)"
        case .inputOutput(let detail): "the database's disk failed: \(detail)"
        case .tookTooLong: "a read of the database took too long"
        case .overloaded: "too many writes wait for the database"
        case .closed: "the database is closed"
        case .failed(let code, let message): "the database failed with code \(code): \(message)"
        }
    }
}
