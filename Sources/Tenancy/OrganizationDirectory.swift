import Crypto
package import Database
package import Domain

/// Creating, finding and changing organizations, their users and keys: what the private endpoints and the command line
/// both do.
package struct OrganizationDirectory: Sendable {
    private let store: TenantStore

    package init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
    }

    func now() -> Timestamp { store.time.now() }

    func create(
        _ update: OperatorUpdate, users: [UserDraft], by author: OperatorAuthor
    ) async throws(Failure) -> OrganizationView {
        let now = now()
        var draft = Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "", createdAt: now, updatedAt: now)
        update.apply(to: &draft)
        let organization = draft
        let people = users.map { $0.user(of: organization.internalID, now: now) }
        guard Set(people.map { ExactString($0.email) }).count == people.count else {
            throw .validation([ValidationError("duplicate", at: ["body", "users"], "has an e-mail address twice")])
        }
        let trail = author.trail(of: organization.internalID, at: now)
        // A new organization has no secrets yet.
        if let failure = Self.unknownSecrets(update.secretNames.sorted()) { throw failure }
        let view: OrganizationView? = try await store.database.writeForRequest { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
            try trail.record(
                "organization_created", "organization", organization.id.rawValue, after: organization.auditView,
                in: transaction)
            for user in people {
                _ = try transaction.users.insert(user)
                try trail.record("user_created", "user", user.email, after: user.auditView, in: transaction)
            }
            if let credits = update.credits, credits > 0 {
                try trail.grant(credits, reason: "initial", in: transaction)
            }
            return try OrganizationView.read(organization.internalID, in: transaction, now: now)
        }
        guard let view else { throw .noSuchOrganization }
        return view
    }

    func update(
        _ id: OrganizationID, _ update: OperatorUpdate, by author: OperatorAuthor
    ) async throws(Failure) -> OrganizationView {
        let internalID = try find(id).organization.internalID
        let trail = author.trail(of: internalID, at: now())
        return try await store.write(trail) { transaction throws(DatabaseError) in
            let missing = try transaction.secrets.missing(update.secretNames, of: internalID)
            if let failure = Self.unknownSecrets(missing) { return .failure(failure) }
            let change = try transaction.organizations.update(internalID, now: trail.at) { update.apply(to: &$0) }
            guard let change else { return .failure(.noSuchOrganization) }
            try trail.record("organization_updated", before: change.before, after: change.after, in: transaction)
            if Self.concernsDedicatedPlane(change) {
                try trail.record("dedicated_plane_updated", "organization", id.rawValue, in: transaction)
            }
            if let credits = update.credits, credits > 0 {
                try trail.grant(credits, reason: "operator", in: transaction)
            }
            let view = try OrganizationView.read(internalID, in: transaction, now: trail.at)
            return view.map { .success($0) } ?? .failure(.noSuchOrganization)
        }
    }

    /// Whether a change is one within the dedicated plane. Where its content lives, only the operator knows; that it
    /// changed is the organization's own affair.
    private static func concernsDedicatedPlane(_ change: (before: Organization, after: Organization)) -> Bool {
        guard let before = change.before.infrastructure, let after = change.after.infrastructure else { return false }
        return ExactString(JSONValue.object(before).encoded) != ExactString(JSONValue.object(after).encoded)
    }

    /// What a change of `default_llm_credentials` is refused with that names secrets which do not exist.
    static func unknownSecrets(_ names: [ExactString]) -> Failure? {
        guard !names.isEmpty else { return nil }
        return .validation(
            names.map {
                ValidationError(
                    "unknown_secret", at: ["body", "default_llm_credentials"],
                    "names the secret \"\($0.text)\", which does not exist")
            })
    }

    func delete(_ id: OrganizationID, by author: OperatorAuthor) async throws(Failure) {
        let trail = author.trail(of: try find(id).organization.internalID, at: now())
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard try transaction.organizations.delete(trail.organization, now: trail.at) else {
                return .failure(.noSuchOrganization)
            }
            try trail.record("organization_deleted", "organization", id.rawValue, in: transaction)
            return .success(())
        }
    }

    func list(after cursor: PageCursor?, limit: Int) throws(Failure) -> Page<OrganizationView> {
        let now = now()
        return try store.read { transaction throws(DatabaseError) in
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
        let now = now()
        let view: OrganizationView? = try store.read { transaction throws(DatabaseError) in
            guard let organization = try transaction.organizations.find(id) else { return nil }
            return try OrganizationView.read(organization.internalID, in: transaction, now: now)
        }
        guard let view else { throw Failure(.notFound, "There is no organization \"\(id.rawValue.prefix(100))\".") }
        return view
    }

    func addUser(
        _ draft: UserDraft, to id: OrganizationID, by author: OperatorAuthor
    ) async throws(Failure) -> User {
        let trail = author.trail(of: try find(id).organization.internalID, at: now())
        let user = draft.user(of: trail.organization, now: trail.at)
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard try transaction.users.insert(user) else { return .failure(.userExists(user.email)) }
            try trail.record("user_created", "user", user.email, after: user.auditView, in: transaction)
            return .success(())
        }
        return user
    }

    /// Creates a key for a user. The secret is in the result and nowhere else.
    func createKey(
        _ draft: KeyDraft, forUser email: String, of id: OrganizationID, by author: OperatorAuthor
    ) async throws(Failure) -> CreatedKey {
        let trail = author.trail(of: try find(id).organization.internalID, at: now())
        return try await KeyRegister(store: store).create(
            draft, forUser: NameRules.folded(email: email), default: Set(Permission.allCases), creator: nil, trail)
    }
}
