import Crypto
package import Database
package import Domain

/// Creating, finding and changing organizations, their users and keys: what the private endpoints and the command line
/// both do.
package struct OrganizationDirectory: Sendable {
    private let database: any DatabaseDriver
    private let time: any TimeSource

    package init(database: any DatabaseDriver, time: any TimeSource) {
        self.database = database
        self.time = time
    }

    func now() -> Timestamp { time.now() }

    func create(
        _ update: OperatorUpdate, users: [UserDraft], actor: String, requestID: String
    ) async throws(Failure) -> OrganizationView {
        let now = time.now()
        var draft = Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "", createdAt: now, updatedAt: now)
        update.apply(to: &draft)
        let organization = draft
        let people = users.map { $0.user(of: organization.internalID, now: now) }
        guard Set(people.map(\.email)).count == people.count else {
            throw .validation([ValidationError("duplicate", at: ["body", "users"], "has an e-mail address twice")])
        }
        let trail = AuditTrail(
            organization: organization.internalID, actor: actor, requestID: requestID, at: now)
        // A new organization has no secrets yet.
        if let failure = Self.unknownSecrets(update.secretNames.sorted()) { throw failure }
        return try await write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
            for user in people { _ = try transaction.users.insert(user) }
            try trail.record(
                "organization_created", "organization", organization.id.rawValue, after: organization.auditView,
                in: transaction)
            if let credits = update.credits, credits > 0 {
                try trail.grant(credits, reason: "initial", in: transaction)
            }
            return try OrganizationView.read(organization.internalID, in: transaction, now: now)
        }
    }

    func update(
        _ id: OrganizationID, _ update: OperatorUpdate, actor: String, requestID: String
    ) async throws(Failure) -> OrganizationView {
        let now = time.now()
        let internalID = try find(id).organization.internalID
        let trail = AuditTrail(organization: internalID, actor: actor, requestID: requestID, at: now)
        let result: Result<OrganizationView, Failure> = try await write { transaction throws(DatabaseError) in
            let missing = try transaction.secrets.missing(update.secretNames, of: internalID)
            if let failure = Self.unknownSecrets(missing) { return .failure(failure) }
            let change = try transaction.organizations.update(internalID, now: now) { update.apply(to: &$0) }
            guard let change else { return nil }
            try trail.record("organization_updated", before: change.before, after: change.after, in: transaction)
            if let credits = update.credits, credits > 0 {
                try trail.grant(credits, reason: "operator", in: transaction)
            }
            return try OrganizationView.read(internalID, in: transaction, now: now).map { .success($0) }
        }
        return try result.get()
    }

    /// What a change of `default_llm_credentials` is refused with that names secrets which do not exist.
    static func unknownSecrets(_ names: [String]) -> Failure? {
        guard !names.isEmpty else { return nil }
        return .validation(
            names.map {
                ValidationError(
                    "unknown_secret", at: ["body", "default_llm_credentials"],
                    "names the secret \"\($0)\", which does not exist")
            })
    }

    func delete(_ id: OrganizationID, actor: String, requestID: String) async throws(Failure) {
        let now = time.now()
        let internalID = try find(id).organization.internalID
        let trail = AuditTrail(organization: internalID, actor: actor, requestID: requestID, at: now)
        let _: Bool = try await write { transaction throws(DatabaseError) in
            guard try transaction.organizations.delete(internalID, now: now) else { return nil }
            try trail.record("organization_deleted", "organization", id.rawValue, in: transaction)
            return true
        }
    }

    func list(after cursor: PageCursor?, limit: Int) throws(Failure) -> Page<OrganizationView> {
        let now = time.now()
        return try database.readForRequest { transaction throws(DatabaseError) in
            let page = try transaction.organizations.list(after: cursor, limit: limit)
            var views: [OrganizationView] = []
            for organization in page.items {
                if let view = try OrganizationView.read(organization.internalID, in: transaction, now: now) {
                    views.append(view)
                }
            }
            return Page(items: views, next: page.next)
        }
    }

    func find(_ id: OrganizationID) throws(Failure) -> OrganizationView {
        let now = time.now()
        let view: OrganizationView? = try database.readForRequest { transaction throws(DatabaseError) in
            guard let organization = try transaction.organizations.find(id) else { return nil }
            return try OrganizationView.read(organization.internalID, in: transaction, now: now)
        }
        guard let view else { throw Failure(.notFound, "There is no organization \"\(id.rawValue.prefix(100))\".") }
        return view
    }

    func addUser(
        _ draft: UserDraft, to id: OrganizationID, actor: String, requestID: String
    ) async throws(Failure) -> User {
        let now = time.now()
        let user = draft.user(of: try find(id).organization.internalID, now: now)
        let trail = AuditTrail(organization: user.organization, actor: actor, requestID: requestID, at: now)
        let isNew = try await write { transaction throws(DatabaseError) in
            guard try transaction.users.insert(user) else { return false }
            try trail.record("user_created", "user", user.email, after: user.auditView, in: transaction)
            return true
        }
        guard isNew else {
            throw Failure.userExists(user.email)
        }
        return user
    }

    /// Creates a key for a user. The secret is in the result and nowhere else.
    func createKey(
        _ draft: KeyDraft, forUser email: String, of id: OrganizationID, actor: String, requestID: String
    ) async throws(Failure) -> CreatedKey {
        let trail = AuditTrail(
            organization: try find(id).organization.internalID, actor: actor, requestID: requestID, at: time.now())
        return try await KeyRegister(store: TenantStore(database: database, time: time)).create(
            draft, forUser: email, default: Set(Permission.allCases), creator: nil, trail)
    }

    private func write<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T?
    ) async throws(Failure) -> T {
        let result: T? = try await database.writeForRequest(body)
        guard let result else { throw Failure(.notFound, "There is no such organization.") }
        return result
    }
}
