package import Domain

extension Failure {
    /// What a request is answered with when the database fails it. What exactly failed goes to the log.
    package init(database error: DatabaseError) {
        switch error {
        case .full: self.init(.insufficientStorage, privateDetail: error.description)
        case .cannotOpen: self.init(.insufficientStorage, .notWritable, privateDetail: error.description)
        case .busy, .overloaded: self.init(.overloaded, privateDetail: error.description, retryAfterSeconds: 1)
        case .tookTooLong:
            self.init(
                .deadlineExceeded, "The question takes too long to answer; ask for less.",
                details: ["retryable": false], privateDetail: error.description)
        case .closed: self.init(.shuttingDown, privateDetail: error.description, retryAfterSeconds: 5)
        default: self.init(.internal, privateDetail: error.description)
        }
    }
}

/// Reads and writes for a request: what fails is what the request is answered with.
extension DatabaseDriver {
    package func readForRequest<T: Sendable>(
        _ body: (any Transaction) throws(DatabaseError) -> T
    ) throws(Failure) -> T {
        do { return try read(body) } catch { throw Failure(database: error) }
    }

    /// A write that frees room, such as a deletion. Where there is none left for it, `makeRoom` gives up what is kept
    /// for that, and the write is tried once more.
    package func write<T: Sendable>(
        durability: Durability = .durable, makingRoom makeRoom: @Sendable () -> Bool,
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(DatabaseError) -> T {
        do { return try await write(durability: durability, body) } catch {
            guard case .full = error, makeRoom() else { throw error }
        }
        return try await write(durability: durability, body)
    }

    package func writeForRequest<T: Sendable>(
        durability: Durability = .durable, makingRoom makeRoom: @Sendable () -> Bool,
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(Failure) -> T {
        do { return try await write(durability: durability, makingRoom: makeRoom, body) } catch {
            throw Failure(database: error)
        }
    }

    package func writeForRequest<T: Sendable>(
        durability: Durability = .durable,
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T
    ) async throws(Failure) -> T {
        do { return try await write(durability: durability, body) } catch { throw Failure(database: error) }
    }
}
