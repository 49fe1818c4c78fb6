import Database
import Domain
import Endpoints
import HTTP

/// The bearer keys of an organization's users.
struct KeyEndpoints: Sendable {
    private let store: TenantStore
    private let keys: KeyRegister

    init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
        keys = KeyRegister(store: store)
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let collection = "/v1/organizations/users/{user_email}/api-keys"
        let one = collection + "/{key_name}"
        routes.add(
            .post, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.create
        ) { request, caller throws(Failure) in try await create(request, caller) }
        routes.add(
            .get, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try list(request, caller) }
        routes.add(.patch, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.update) {
            request, caller throws(Failure) in try await update(request, caller)
        }
        routes.add(.delete, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.revoke) {
            request, caller throws(Failure) in try await revoke(request, caller)
        }
        routes.add(
            .post, one + "/rotate", to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.rotate
        ) { request, caller throws(Failure) in try await rotate(request, caller) }
    }

    private func create(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let draft = KeyDraft(reading: &fields, defaultName: nil, now: trail.at)
        try fields.finish()
        // As in the official API, a key administrates only where that was asked for.
        let created = try await keys.create(
            draft, forUser: Self.email(request), default: [.read, .write, .delete], creator: caller.key.user, trail)
        return Response(json: .object(created.presentation(organization: caller.organization.id, now: trail.at)))
    }

    private func list(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let includingRevoked = query.bool("include_revoked") ?? false
        // There are none of these here, so that there is nothing to leave out.
        _ = query.bool("include_session_keys")
        try query.finish()
        let (email, organization, now) = (Self.email(request), caller.organization.internalID, store.time.now())
        let keys = try store.read { transaction throws(DatabaseError) -> [APIKey]? in
            guard let user = try transaction.users.find(organization, email: email) else { return nil }
            return try transaction.apiKeys.list(
                organization, user: user.id, includingRevoked: includingRevoked, limit: Page<APIKey>.maximumLimit
            ).items
        }
        guard let keys else { throw Failure.noUser(email) }
        return Response(
            json: [
                "results": .array(
                    keys.map { .object($0.presentation(organization: caller.organization.id, now: now)) }),
                "total": .integer(Int64(keys.count)),
            ])
    }

    private func update(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let update = KeyUpdate(reading: &fields, now: trail.at)
        try fields.finish()
        let (email, name) = (Self.email(request), Self.name(request))
        let key = try await store.write(trail) { transaction throws(DatabaseError) in
            try Self.apply(update, toKey: name, ofUser: email, trail, in: transaction)
        }
        return Response(json: .object(key.presentation(organization: caller.organization.id, now: trail.at)))
    }

    private static func apply(
        _ update: KeyUpdate, toKey name: String, ofUser email: String, _ trail: AuditTrail,
        in transaction: any Transaction
    ) throws(DatabaseError) -> Result<APIKey, Failure> {
        let organization = trail.organization
        guard let user = try transaction.users.find(organization, email: email) else {
            return .failure(.noUser(email))
        }
        guard let before = try transaction.apiKeys.find(organization, user: user, nameOrID: name) else {
            return .failure(.noKey(name))
        }
        if let permissions = update.permissions,
            let failure = KeyRegister.refusal(of: permissions, for: user)
        {
            return .failure(failure)
        }
        let after = update.applied(to: before, now: trail.at)
        if let failure = try refusal(of: after, replacing: before, of: user, trail, in: transaction) {
            return .failure(failure)
        }
        let change = try transaction.apiKeys.update(organization, id: before.id) { $0 = after }
        guard let change else { return .failure(.noKey(name)) }
        let action =
            change.after.revokedAt != nil
            ? "api_key_revoked"
            : change.before.permissions != change.after.permissions ? "api_key_scope_updated" : "api_key_updated"
        try trail.record(
            action, "api_key", before.id.rawValue, from: change.before.auditView, to: change.after.auditView,
            in: transaction)
        return .success(change.after)
    }

    /// Why a key cannot become what a change makes of it; nil where it can.
    private static func refusal(
        of after: APIKey, replacing before: APIKey, of user: User, _ trail: AuditTrail, in transaction: any Transaction
    ) throws(DatabaseError) -> Failure? {
        // An expired key that is good again is one more.
        if after.isActive(at: trail.at), !before.isActive(at: trail.at),
            let failure = try KeyRegister.tooMany(of: user.id, trail, in: transaction)
        {
            return failure
        }
        guard
            try Administration(trail, in: transaction).survives(
                without: before.id, butWith: user.role == .admin ? after : nil)
        else { return .lastAdministrator }
        // Last, because it may write.
        if ExactString(after.name) != ExactString(before.name),
            try !KeyRegister.free(after.name, of: user.id, trail, in: transaction)
        {
            return KeyRegister.nameTaken(after.name)
        }
        return nil
    }

    private func revoke(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        // No application embeds keys here, so that there is nothing to force.
        _ = query.bool("force")
        try query.finish()
        let (email, name) = (Self.email(request), Self.name(request))
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard let user = try transaction.users.find(trail.organization, email: email) else {
                return .failure(.noUser(email))
            }
            guard let key = try transaction.apiKeys.find(trail.organization, user: user, nameOrID: name) else {
                return .failure(.noKey(name))
            }
            guard try Administration(trail, in: transaction).survives(without: key.id) else {
                return .failure(.lastAdministrator)
            }
            guard try transaction.apiKeys.revoke(trail.organization, id: key.id, now: trail.at) else {
                return .failure(.noKey(name))
            }
            try trail.recordRevocation(of: key, in: transaction)
            return .success(())
        }
        return Response(json: ["success": true, "message": "The API key was revoked."])
    }

    private func rotate(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let rotated = try await keys.rotate(Self.name(request), ofUser: Self.email(request), trail)
        return Response(json: .object(rotated.presentation(organization: caller.organization.id, now: trail.at)))
    }

    private static func email(_ request: Request) -> String {
        NameRules.folded(email: request.parameters["user_email"] ?? "")
    }
    private static func name(_ request: Request) -> String { request.parameters["key_name"] ?? "" }
}
