import Crypto
package import Database
package import Domain
package import Endpoints
package import HTTP

/// The public endpoints of an organization about itself.
package struct OrganizationEndpoints: Sendable {
    private let database: any DatabaseDriver
    private let time: any TimeSource
    private let rateLimitCeiling: Int
    private let selfServiceCredits: Bool

    package init(
        database: any DatabaseDriver, time: any TimeSource, rateLimitCeiling: Int, selfServiceCredits: Bool
    ) {
        self.database = database
        self.time = time
        self.rateLimitCeiling = rateLimitCeiling
        self.selfServiceCredits = selfServiceCredits
    }

    package func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        routes.add(.get, "/v1/organizations", to: &router, needs: .read, category: .metadata) {
            _, caller throws(Failure) in try get(caller)
        }
        routes.add(.patch, "/v1/organizations", to: &router, needs: .admin, category: .metadata) {
            request, caller throws(Failure) in try await patch(request, caller)
        }
        routes.add(.post, "/v1/organizations/credits", to: &router, needs: .admin, category: .metadata) {
            request, caller throws(Failure) in try await addCredits(request, caller)
        }
    }

    private func get(_ caller: Caller) throws(Failure) -> Response {
        let (internalID, now) = (caller.organization.internalID, time.now())
        let view: OrganizationView?
        do {
            view = try database.read { transaction throws(DatabaseError) in
                try OrganizationView.read(internalID, in: transaction, now: now)
            }
        } catch { throw Failure(database: error) }
        return try answer(view)
    }

    private func patch(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let update = OrganizationUpdate(reading: &fields, rateLimitCeiling: rateLimitCeiling)
        try fields.finish()

        let now = time.now()
        let trail = AuditTrail(
            organization: caller.organization.internalID, actor: caller.key.id.rawValue, requestID: request.head.id,
            at: now)
        let view: OrganizationView?
        do {
            view = try await database.write { transaction throws(DatabaseError) in
                let change = try transaction.organizations.update(trail.organization, now: now) {
                    update.apply(to: &$0)
                }
                guard let change else { return nil }
                try trail.record("organization.updated", before: change.before, after: change.after, in: transaction)
                return try OrganizationView.read(trail.organization, in: transaction, now: now)
            }
        } catch { throw Failure(database: error) }
        return try answer(view)
    }

    private func addCredits(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        guard selfServiceCredits else {
            throw Failure(
                .notEnabled, "Credits are granted by the operator here.", details: ["retryable": false])
        }
        var fields = FieldReader(try await request.jsonObject())
        let amount = fields.integer("credits", 1...1_000_000_000)
        if amount == nil, fields.errors.isEmpty { fields.reject("credits", "missing", "this field is required") }
        try fields.finish()

        let now = time.now()
        let trail = AuditTrail(
            organization: caller.organization.internalID, actor: caller.key.id.rawValue, requestID: request.head.id,
            at: now)
        let view: OrganizationView?
        do {
            view = try await database.write { transaction throws(DatabaseError) in
                try trail.grant(amount ?? 0, reason: "self_service", in: transaction)
                return try OrganizationView.read(trail.organization, in: transaction, now: now)
            }
        } catch { throw Failure(database: error) }
        return try answer(view)
    }

    private func answer(_ view: OrganizationView?) throws(Failure) -> Response {
        guard let view else { throw Failure(.unauthorized, "The organization was deleted.") }
        return Response(json: .object(view.publicPresentation))
    }
}
