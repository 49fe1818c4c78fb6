import Database
import Domain
import Endpoints
import HTTP

/// The public endpoints of an organization about itself.
struct OrganizationEndpoints: Sendable {
    private let store: TenantStore
    private let rateLimitCeiling: Int
    private let selfServiceCredits: Bool

    init(
        database: any DatabaseDriver, time: any TimeSource, rateLimitCeiling: Int, selfServiceCredits: Bool
    ) {
        store = TenantStore(database: database, time: time)
        self.rateLimitCeiling = rateLimitCeiling
        self.selfServiceCredits = selfServiceCredits
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let one = "/v1/organizations"
        routes.add(.get, one, to: &router, needs: .read, category: .metadata, describedBy: Descriptions.get) {
            _, caller throws(Failure) in try get(caller)
        }
        routes.add(
            .patch, one, to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.update(rateLimitCeiling: rateLimitCeiling)
        ) { request, caller throws(Failure) in try await patch(request, caller) }
        routes.add(
            .get, one + "/credits", to: &router, needs: .read, category: .metadata, describedBy: Descriptions.credits
        ) { _, caller throws(Failure) in try credits(caller) }
        routes.add(
            .post, one + "/credits", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.addCredits
        ) { request, caller throws(Failure) in try await addCredits(request, caller) }
    }

    private func view(_ caller: Caller) throws(Failure) -> OrganizationView {
        let (internalID, now) = (caller.organization.internalID, store.time.now())
        let view = try store.read { transaction throws(DatabaseError) in
            try OrganizationView.read(internalID, for: .init(caller), in: transaction, now: now)
        }
        guard let view else { throw Failure.organizationDeleted }
        return view
    }

    private func get(_ caller: Caller) throws(Failure) -> Response {
        Response(json: .object(try view(caller).publicPresentation))
    }

    private func credits(_ caller: Caller) throws(Failure) -> Response {
        let view = try view(caller)
        return Response(
            json: [
                "organization_id": .string(view.organization.id.rawValue),
                "credit_count": .integer(view.account.balance.presentedAvailable),
                "purchased": .integer(view.account.balance.purchased), "held": .integer(view.account.balance.held),
                "current_month_usage": .integer(view.account.usage),
                "period_end": JSONValue(view.account.balance.period.end),
            ])
    }

    private func patch(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let update = OrganizationUpdate(reading: &fields, rateLimitCeiling: rateLimitCeiling)
        try fields.finish()
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let id = trail.organization
        let view = try await store.write(trail) {
            transaction throws(DatabaseError) -> Result<OrganizationView, Failure> in
            let missing = try transaction.secrets.missing(update.secretNames, of: id)
            if let failure = OrganizationDirectory.unknownSecrets(missing) { return .failure(failure) }
            let change = try transaction.organizations.update(id, now: trail.at) { update.apply(to: &$0) }
            guard let change else { return .failure(.organizationDeleted) }
            try trail.record("organization_updated", before: change.before, after: change.after, in: transaction)
            let view = try OrganizationView.read(id, in: transaction, now: trail.at)
            return view.map { .success($0) } ?? .failure(.organizationDeleted)
        }
        return Response(json: .object(view.publicPresentation))
    }

    private func addCredits(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        guard selfServiceCredits else {
            throw Failure(
                .notEnabled, "Credits are granted by the operator here.", details: ["retryable": false])
        }
        var fields = FieldReader(try await request.jsonObject())
        let amount = fields.integer("credits", Self.grants)
        fields.require("credits")
        try fields.finish()
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let view = try await store.write(trail) {
            transaction throws(DatabaseError) -> Result<OrganizationView, Failure> in
            try trail.grant(amount ?? 0, reason: "self_service", in: transaction)
            let view = try OrganizationView.read(trail.organization, in: transaction, now: trail.at)
            return view.map { .success($0) } ?? .failure(.organizationDeleted)
        }
        return Response(json: .object(view.publicPresentation))
    }

    private static let grants: ClosedRange<Int64> = 1...1_000_000_000
}

extension OrganizationEndpoints {
    enum Descriptions {
        private static let tag = "Organization"

        static let get = EndpointDescription(
            "get_organization", tag: tag, "Read the organization.", answer: .organization)

        static func update(rateLimitCeiling: Int) -> EndpointDescription {
            EndpointDescription(
                "update_organization", tag: tag,
                "Change the organization. What is absent or null stays; metadata and the maps are replaced whole.",
                answer: .organization
            )
            .taking(
                .named(
                    "OrganizationUpdateRequest",
                    .request(Schema.organizationChanges(rateLimitCeiling: rateLimitCeiling))))
        }

        static let credits = EndpointDescription(
            "get_credits_organizations", tag: tag, "Read the credits.",
            answer: .named(
                "Credits",
                .answer([
                    ("organization_id", .string), ("credit_count", .integer()), ("purchased", .integer()),
                    ("held", .integer()), ("current_month_usage", .integer()), ("period_end", .timestamp),
                ])))

        static let addCredits = EndpointDescription(
            "add_credits", tag: tag, "Grant the organization credits, where the operator lets it do that itself.",
            answer: .organization
        )
        .taking(
            .named(
                "AddCreditsRequest",
                .request([("credits", .integer(OrganizationEndpoints.grants))], required: ["credits"]))
        )
        .failing(.notEnabled)
    }
}
