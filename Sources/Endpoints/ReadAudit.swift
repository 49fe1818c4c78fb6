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

    /// Whether a request is one that its organization wants recorded. HEAD tells as much as GET of many things, such as
    /// whether they exist and how large they are.
    func applies(to request: Request, by caller: Caller) -> Bool {
        caller.organization.readAuditingEnabled && (request.head.method == .get || request.head.method == .head)
    }

    /// Records a read, or an attempt at one that was refused. Nothing is answered that could not be recorded: whoever
    /// asks for this must be able to rely on it.
    ///
    /// - Parameters:
    ///   - resource: the kind of thing that is read, such as `user`.
    ///   - refusal: what was answered in place of it. Where the service itself failed, nothing was read or refused.
    func record(
        _ request: Request, of resource: String, by caller: Caller, refusal: Failure?
    ) async throws(Failure) {
        if let refusal, refusal.code.status >= 500 { return }
        let after: JSONObject? = refusal.map {
            ["status": .integer(Int64($0.code.status)), "code": .string($0.code.rawValue)]
        }
        let event = AuditEvent(
            id: RandomID.auditID(), organization: caller.organization.internalID, at: time.now(),
            actor: caller.key.id.rawValue, action: "\(resource)_\(refusal == nil ? "accessed" : "access_refused")",
            resourceType: resource, resourceID: request.head.path.clipped(to: 499), after: after,
            requestID: request.head.id, origin: AuditOrigin(request.head)
        ).naming(email: caller.email, keyName: caller.key.name)
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
