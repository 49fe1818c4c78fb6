import Crypto
import Database
import Domain

/// Creates keys and gives them new secrets, for the public endpoints, the private ones and the command line.
struct KeyRegister: Sendable {
    private let store: TenantStore

    init(store: TenantStore) { self.store = store }

    private struct Secret {
        let text = RandomID.secretKey()
        var hash: ContentHash { SHA256.hash(of: text) }
        var prefix: String { String(text.prefix(10)) }
    }

    /// - Parameters:
    ///   - default: the permissions of a key for which none are asked, as far as its user's role allows them.
    ///   - creator: the user whose key creates it; nil for the operator.
    func create(
        _ draft: KeyDraft, forUser email: String, default permissions: Set<Permission>, creator: UserID?,
        _ trail: AuditTrail
    ) async throws(Failure) -> CreatedKey {
        let (secret, id) = (Secret(), RandomID.keyID())
        let (hash, organization) = (secret.hash, trail.organization)
        let prefix = secret.prefix
        let key = try await store.write(trail) { transaction throws(DatabaseError) -> Result<APIKey, Failure> in
            guard let user = try transaction.users.find(organization, email: email) else {
                return .failure(.noUser(email))
            }
            if let failure = Self.refusal(of: draft.permissions, for: user) { return .failure(failure) }
            // The operator always gets in.
            if !trail.isOperators, let failure = try Self.tooMany(of: user.id, trail, in: transaction) {
                return .failure(failure)
            }
            guard try Self.free(draft.name, of: user.id, trail, in: transaction) else {
                return .failure(Self.nameTaken(draft.name))
            }
            let granted = draft.permissions ?? permissions.filter { $0 <= user.role.highestPermission }
            let key = APIKey(
                id: id, organization: organization, user: user.id, name: draft.name, description: draft.description,
                hash: hash, prefix: prefix, permissions: granted, rateLimitOverride: draft.rateLimitOverride,
                expiresAt: draft.expiresAt, createdAt: trail.at, createdBy: creator)
            guard try transaction.apiKeys.insert(key) else { return .failure(Self.nameTaken(draft.name)) }
            try trail.record(
                "api_key_created", "api_key", id.rawValue, after: key.auditView, in: transaction)
            return .success(key)
        }
        return CreatedKey(key: key, secret: secret.text)
    }

    /// Gives a key another secret; from then on the old one is not good any more.
    func rotate(_ name: String, ofUser email: String, _ trail: AuditTrail) async throws(Failure) -> CreatedKey {
        let secret = Secret()
        let (hash, prefix, organization) = (secret.hash, secret.prefix, trail.organization)
        let key = try await store.write(trail) { transaction throws(DatabaseError) -> Result<APIKey, Failure> in
            guard let user = try transaction.users.find(organization, email: email) else {
                return .failure(.noUser(email))
            }
            if let failure = Self.refusal(of: nil, for: user) { return .failure(failure) }
            guard let found = try transaction.apiKeys.find(organization, user: user, nameOrID: name) else {
                return .failure(.noKey(name))
            }
            guard found.isActive(at: trail.at) else { return .failure(Self.expired(found)) }
            guard
                let change = try transaction.apiKeys.update(
                    organization, id: found.id,
                    {
                        ($0.hash, $0.prefix, $0.lastUsedAt) = (hash, prefix, nil)
                    })
            else { return .failure(.noKey(name)) }
            try trail.record(
                "api_key_rotated", "api_key", found.id.rawValue, from: change.before.auditView,
                to: change.after.auditView, in: transaction)
            return .success(change.after)
        }
        return CreatedKey(key: key, secret: secret.text)
    }

    /// Makes a name free that an expired key holds.
    /// - Returns: false where a good key holds it; nothing was written then.
    static func free(
        _ name: String, of user: UserID, _ trail: AuditTrail, in transaction: any Transaction
    ) throws(DatabaseError) -> Bool {
        let expired = try transaction.apiKeys.revokeExpired(
            named: name, of: user, in: trail.organization, now: trail.at)
        if let expired { try trail.recordRevocation(of: expired, in: transaction) }
        return try transaction.apiKeys.find(trail.organization, user: user, name: name) == nil
    }

    /// Why a user cannot have one more key; nil where it can.
    static func tooMany(
        of user: UserID, _ trail: AuditTrail, in transaction: any Transaction
    ) throws(DatabaseError) -> Failure? {
        let count = try transaction.apiKeys.count(of: user, in: trail.organization, now: trail.at)
        guard count >= KeyLimits.keys else { return nil }
        return Failure(.conflict, "The user has \(KeyLimits.keys) keys already; revoke one of them first.")
    }

    private static func expired(_ key: APIKey) -> Failure {
        Failure(
            .conflict, "The key is expired, and would be with another secret as well; change its expires_at first.",
            details: ["expires_at": JSONValue(key.expiresAt), "retryable": false])
    }

    /// Why a user cannot have a key with these permissions.
    static func refusal(of permissions: Set<Permission>?, for user: User) -> Failure? {
        guard user.status == .active else {
            return Failure(
                .conflict, "The user is \(user.status.rawValue); only active users have keys.",
                details: ["retryable": false])
        }
        let highest = user.role.highestPermission
        guard let excess = permissions?.filter({ $0 > highest }).sorted().first else { return nil }
        return Failure(
            .conflict,
            "The user's role \(user.role.rawValue) allows up to the permission \(highest.rawValue), not \(excess.rawValue).",
            details: [
                "role": .string(user.role.rawValue), "highest_permission": .string(highest.rawValue),
                "retryable": false,
            ])
    }

    static func nameTaken(_ name: String) -> Failure {
        Failure(.alreadyExists, "The user has an active key of the name \"\(name)\" already.")
    }
}

extension APIKeyStore {
    /// The user's key of this identifier, as the official API allows it, or of this name; revoked ones are not found. The
    /// identifier goes first: another key's name must not stand in the way of revoking a key by it.
    func find(_ organization: InternalID, user: User, nameOrID: String) throws(DatabaseError) -> APIKey? {
        let id = KeyID(rawValue: nameOrID)
        if id.isWellFormed, let key = try find(organization, id: id), key.user == user.id {
            return key.revokedAt == nil ? key : nil
        }
        return try find(organization, user: user.id, name: nameOrID)
    }
}
