import Database
import Domain

/// The database as the endpoints use it: with errors that can be answered.
struct TenantStore: Sendable {
    let database: any DatabaseDriver
    let time: any TimeSource

    func read<T: Sendable>(
        _ body: (any Transaction) throws(DatabaseError) -> T
    ) throws(Failure) -> T {
        try database.readForRequest(body)
    }

    /// Makes the change that `trail` records, if whoever makes it still may. A body that refuses returns the failure,
    /// having written nothing.
    func write<T: Sendable>(
        _ trail: AuditTrail,
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> Result<T, Failure>
    ) async throws(Failure) -> T {
        let result: Result<T, Failure> = try await database.writeForRequest { transaction throws(DatabaseError) in
            if let refusal = try trail.refusal(in: transaction) { return .failure(refusal) }
            return try body(transaction)
        }
        return try result.get()
    }
}

extension Failure {
    static let noSuchOrganization = Failure(.notFound, "There is no such organization.")

    static func noUser(_ email: String) -> Failure {
        Failure(.notFound, "The organization has no user \"\(email.clipped(to: 254))\".")
    }

    static func noKey(_ name: String) -> Failure {
        Failure(.notFound, "There is no such API key: \"\(name.clipped(to: 100))\".")
    }

    /// Nobody takes the last administrator away by mistake: the way back would lead through the operator.
    static let lastAdministrator = Failure(
        .conflict,
        "This would leave the organization without an active admin who has a key with the permission admin that is good "
            + "for as long as this one; create another one first.",
        details: ["reason": "last_administrator", "retryable": false])
}
