import Database
import Domain
import Endpoints
import HTTP

/// The people of an organization.
struct UserEndpoints: Sendable {
    private let store: TenantStore

    init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let (collection, one) = ("/v1/organizations/users", "/v1/organizations/users/{user_email}")
        routes.add(
            .post, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.create
        ) { request, caller throws(Failure) in try await create(request, caller) }
        routes.add(
            .get, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try list(request, caller) }
        // Everybody may read the own record; the handler looks after the others.
        routes.add(.get, one, to: &router, needs: .read, category: .metadata, describedBy: Descriptions.get) {
            request, caller throws(Failure) in try get(request, caller)
        }
        routes.add(.patch, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.update) {
            request, caller throws(Failure) in try await update(request, caller)
        }
        routes.add(.delete, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.delete) {
            request, caller throws(Failure) in try await delete(request, caller)
        }
    }

    private func create(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let draft = UserDraft(reading: &fields, needsName: true)
        try fields.finish()
        guard let draft else { throw Failure(.validation) }
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let user = draft.user(of: trail.organization, now: trail.at)
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard try transaction.users.count(trail.organization) < UserLimits.users else {
                return .failure(Failure(.conflict, "The organization has \(UserLimits.users) users already."))
            }
            guard try transaction.users.insert(user) else { return .failure(.userExists(user.email)) }
            try trail.record("user_created", "user", user.email, after: user.auditView, in: transaction)
            return .success(())
        }
        return Response(json: .object(user.presentation))
    }

    private func list(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let filter = UserStore.Filter(
            role: query.choice("role", of: UserRole.self), status: query.choice("status", of: UserStatus.self))
        let skip = query.integer("skip", 0...1_000_000) ?? 0
        let limit = query.integer("limit", 1...1_000) ?? 100
        try query.finish()
        let organization = caller.organization.internalID
        let (users, total) = try store.read { transaction throws(DatabaseError) in
            (
                try transaction.users.list(organization, filter: filter, skip: skip, limit: limit),
                try transaction.users.count(organization, filter: filter)
            )
        }
        return Response(
            json: [
                "results": .array(users.map { .object($0.presentation) }), "total": .integer(Int64(total)),
                "skip": .integer(Int64(skip)), "limit": .integer(Int64(limit)),
            ])
    }

    private func get(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let email = Self.email(request)
        let organization = caller.organization.internalID
        let user = try store.read { transaction throws(DatabaseError) in
            caller.key.allows(.admin)
                ? try transaction.users.find(organization, email: email)
                : try transaction.users.find(organization, id: caller.key.user)
        }
        // Whether there is another user of this address, only an admin is told.
        guard caller.key.allows(.admin) || user.map({ ExactString($0.email) }) == ExactString(email) else {
            throw Failure(
                .forbidden, "The key lacks the permission \"admin\"; without it, only the own record can be read.",
                details: ["required_permission": "admin"])
        }
        guard let user else { throw Failure.noUser(email) }
        return Response(json: .object(user.presentation))
    }

    private func update(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let update = UserUpdate(reading: &fields)
        try fields.finish()
        let email = Self.email(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let user = try await store.write(trail) { transaction throws(DatabaseError) -> Result<User, Failure> in
            guard let before = try transaction.users.find(trail.organization, email: email) else {
                return .failure(.noUser(email))
            }
            if update.endsAdministration(of: before),
                try !Administration(trail, in: transaction).survives(without: before.id)
            {
                return .failure(.lastAdministrator)
            }
            let change = try transaction.users.update(trail.organization, email: email, now: trail.at) {
                update.apply(to: &$0)
            }
            guard let change else { return .failure(.noUser(email)) }
            try trail.record(
                "user_updated", "user", email, from: change.before.auditView, to: change.after.auditView,
                in: transaction)
            if change.after.status != .active {
                try Self.revokeKeys(of: before.id, trail, in: transaction)
            }
            return .success(change.after)
        }
        return Response(json: .object(user.presentation))
    }

    private func delete(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let email = Self.email(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard let user = try transaction.users.find(trail.organization, email: email) else {
                return .failure(.noUser(email))
            }
            guard try Administration(trail, in: transaction).survives(without: user.id) else {
                return .failure(.lastAdministrator)
            }
            try Self.revokeKeys(of: user.id, trail, in: transaction)
            try trail.record("user_deleted", "user", email, before: user.auditView, in: transaction)
            guard try transaction.users.delete(trail.organization, email: email) != nil else {
                return .failure(.noUser(email))
            }
            return .success(())
        }
        return Response(json: ["success": true, "message": "The user was deleted, and the user's keys with it."])
    }

    /// Each key has an event of its own: whoever looks for what became of a key looks under its identifier.
    private static func revokeKeys(
        of user: UserID, _ trail: AuditTrail, in transaction: any Transaction
    ) throws(DatabaseError) {
        for key in try transaction.apiKeys.revokeAll(of: user, in: trail.organization, now: trail.at) {
            try trail.recordRevocation(of: key, in: transaction)
        }
    }

    private static func email(_ request: Request) -> String {
        NameRules.folded(email: request.parameters["user_email"] ?? "")
    }
}

extension Failure {
    static func userExists(_ email: String) -> Failure {
        Failure(.alreadyExists, "The organization has a user with the e-mail address \(email) already.")
    }
}

extension User {
    /// What an audit event records of a user.
    var auditView: JSONObject {
        [
            "user_name": .string(name), "role": .string(role.rawValue), "status": .string(status.rawValue),
            "avatar_url": JSONValue(avatarURL), "metadata": .object(metadata),
        ]
    }
}
