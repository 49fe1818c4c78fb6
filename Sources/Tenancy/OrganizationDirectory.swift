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
        return try await write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
            for user in people { _ = try transaction.users.insert(user) }
            try trail.record(
                "organization.created", "organization", organization.id.rawValue, after: organization.auditView,
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
        return try await write { transaction throws(DatabaseError) in
            let change = try transaction.organizations.update(internalID, now: now) { update.apply(to: &$0) }
            guard let change else { return nil }
            try trail.record("organization.updated", before: change.before, after: change.after, in: transaction)
            if let credits = update.credits, credits > 0 {
                try trail.grant(credits, reason: "operator", in: transaction)
            }
            return try OrganizationView.read(internalID, in: transaction, now: now)
        }
    }

    func delete(_ id: OrganizationID, actor: String, requestID: String) async throws(Failure) {
        let now = time.now()
        let internalID = try find(id).organization.internalID
        let trail = AuditTrail(organization: internalID, actor: actor, requestID: requestID, at: now)
        let _: Bool = try await write { transaction throws(DatabaseError) in
            guard try transaction.organizations.delete(internalID, now: now) else { return nil }
            try trail.record("organization.deleted", "organization", id.rawValue, in: transaction)
            return true
        }
    }

    func list(after cursor: PageCursor?, limit: Int) throws(Failure) -> Page<OrganizationView> {
        let now = time.now()
        do {
            return try database.read { transaction throws(DatabaseError) in
                let page = try transaction.organizations.list(after: cursor, limit: limit)
                var views: [OrganizationView] = []
                for organization in page.items {
                    if let view = try OrganizationView.read(organization.internalID, in: transaction, now: now) {
                        views.append(view)
                    }
                }
                return Page(items: views, next: page.next)
            }
        } catch { throw Failure(database: error) }
    }

    func find(_ id: OrganizationID) throws(Failure) -> OrganizationView {
        let now = time.now()
        let view: OrganizationView?
        do {
            view = try database.read { transaction throws(DatabaseError) in
                guard let organization = try transaction.organizations.find(id) else { return nil }
                return try OrganizationView.read(organization.internalID, in: transaction, now: now)
            }
        } catch { throw Failure(database: error) }
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
            try trail.record("user.created", "user", user.email, in: transaction)
            return true
        }
        guard isNew else {
            throw Failure(.alreadyExists, "The organization has a user with the e-mail address \(user.email) already.")
        }
        return user
    }

    /// Creates a key for a user. The secret is in the result and nowhere else.
    func createKey(
        _ draft: KeyDraft, forUser email: String, of id: OrganizationID, actor: String, requestID: String
    ) async throws(Failure) -> CreatedKey {
        let now = time.now()
        let internalID = try find(id).organization.internalID
        let trail = AuditTrail(organization: internalID, actor: actor, requestID: requestID, at: now)
        let secret = RandomID.secretKey()
        let (keyID, hash, prefix) = (RandomID.keyID(), SHA256.hash(of: secret), String(secret.prefix(10)))
        enum Outcome: Sendable {
            case created(APIKey)
            case noSuchUser
            case nameTaken
        }
        let outcome: Outcome = try await write { transaction throws(DatabaseError) in
            guard let user = try transaction.users.find(internalID, email: email) else { return .noSuchUser }
            let key = APIKey(
                id: keyID, organization: internalID, user: user.id, name: draft.name, description: draft.description,
                hash: hash, prefix: prefix, permissions: draft.permissions, rateLimitOverride: draft.rateLimitOverride,
                expiresAt: draft.expiresAt, createdAt: now)
            guard try transaction.apiKeys.insert(key) else { return .nameTaken }
            try trail.record("api_key.created", "api_key", keyID.rawValue, in: transaction)
            return .created(key)
        }
        switch outcome {
        case .created(let key): return CreatedKey(key: key, secret: secret)
        case .noSuchUser: throw Failure(.notFound, "The organization has no user \"\(email.prefix(254))\".")
        case .nameTaken:
            throw Failure(.alreadyExists, "The user has an active key of the name \"\(draft.name)\" already.")
        }
    }

    private func write<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws(DatabaseError) -> T?
    ) async throws(Failure) -> T {
        let result: T?
        do { result = try await database.write(body) } catch { throw Failure(database: error) }
        guard let result else { throw Failure(.notFound, "There is no such organization.") }
        return result
    }
}

extension UserDraft {
    fileprivate func user(of organization: InternalID, now: Timestamp) -> User {
        User(
            id: RandomID.userID(), organization: organization, email: email, name: name, role: role, createdAt: now,
            updatedAt: now)
    }
}
