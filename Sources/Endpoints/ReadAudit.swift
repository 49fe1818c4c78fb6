import Crypto
package import Database
package import Domain
package import HTTP

/// Records what is read, for the organizations that ask for it.
package struct ReadAudit: Sendable {
    private let database: any DatabaseDriver
    private let time: any TimeSource

    package init(database: any DatabaseDriver, time: any TimeSource) {
        self.database = database
        self.time = time
    }

    /// Nothing is answered that could not be recorded: whoever asks for this must be able to rely on it.
    ///
    /// - Parameter resource: the kind of thing that is read, such as `user`.
    func record(_ request: Request, of resource: String, by caller: Caller) async throws(Failure) {
        guard caller.organization.readAuditingEnabled, request.head.method == .get else { return }
        let event = AuditEvent(
            id: RandomID.auditID(), organization: caller.organization.internalID, at: time.now(),
            actor: caller.key.id.rawValue, action: "\(resource)_accessed", resourceType: resource,
            resourceID: String(request.head.path.prefix(500)), requestID: request.head.id,
            origin: AuditOrigin(request.head))
        // Survives the death of the process; a power failure may take the last moments of reading with it.
        try await database.writeForRequest(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.audit.insert(event)
        }
    }
}

extension AuditOrigin {
    /// What a request's head tells, cut to what is worth keeping.
    package init(_ head: RequestHead) {
        self.init(
            address: head.remoteAddress, userAgent: head.headers["User-Agent"].map { String($0.prefix(200)) },
            reason: head.headers["X-Change-Reason"].map { String($0.prefix(500)) })
    }
}
