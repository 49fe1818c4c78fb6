/// A database that keeps the service's records. Its statements are SQL that SQLite and PostgreSQL both understand, and
/// nothing in it assumes that one process is the only one: another may write between any two transactions.
package protocol DatabaseDriver: Sendable {
    /// Runs `body` on the calling thread, which may block, against a snapshot. Waits for no writer. A write inside it
    /// is refused.
    @discardableResult
    func read<T: Sendable>(
        _ body: (any Transaction) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> T

    /// Runs `body` atomically, and returns when what it wrote is as durable as asked. Writes that wait at the same
    /// time share one commit and one sync.
    ///
    /// A body that throws has written nothing, and takes nothing of the others in its group with it. If the commit
    /// fails, every write of the group fails with its error. A body that wants to stop with a value of its own
    /// returns an enumeration; what it wrote until then is kept. `body` runs on the driver's thread and delays all
    /// other writes: it computes nothing that could be computed before. Where another write of its group throws, it may
    /// be rolled back and run again, unless it is `durableWithOutsideEffect`.
    @discardableResult
    func write<T: Sendable>(
        durability: Durability, _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(DatabaseError) -> T

    /// Finishes the writes that wait, then closes. Everything after that fails with `closed`.
    func close()
}

/// What a write waits for.
package enum Durability: Sendable {
    /// Power may fail the moment after.
    case durable
    /// Survives the death of the process at once, and a power failure once a later durable write returned: writes
    /// never become durable out of order. For what a restart undoes anyway, such as credit holds.
    case relaxed
    /// As `durable`, for a body that also changes something outside the database, such as a file, which no rollback
    /// takes back: of the writes that share its commit none but others of this kind run before it, so that it acts
    /// on what is committed, and not on what a crash or a failed commit may still undo.
    case durableWithOutsideEffect
}

extension DatabaseDriver {
    @discardableResult
    package func write<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(DatabaseError) -> T {
        try await write(durability: .durable, body)
    }
}
