/// What a key may do; each includes those before it (`admin` > `delete` > `write` > `read`).
package enum Permission: String, CaseIterable, Comparable, Sendable {
    case read
    case write
    case delete
    case admin

    private var rank: Int {
        switch self {
        case .read: 0
        case .write: 1
        case .delete: 2
        case .admin: 3
        }
    }
    package static func < (left: Permission, right: Permission) -> Bool { left.rank < right.rank }
}

/// A bearer key. The secret itself is shown once and stored nowhere.
package struct APIKey: Hashable, Sendable {
    package let id: KeyID
    package let organization: InternalID
    package let user: UserID
    package var name: String
    package var description: String
    /// SHA-256 of the secret.
    package var hash: ContentHash
    /// The first 10 characters of the secret, to tell keys apart in lists.
    package var prefix: String
    package var permissions: Set<Permission>
    /// Requests per minute for this key, in every category, beside the organization's own limit.
    package var rateLimitOverride: Int?
    package var expiresAt: Timestamp?
    package var lastUsedAt: Timestamp?
    package let createdAt: Timestamp
    package var createdBy: UserID?
    package var revokedAt: Timestamp?

    package init(
        id: KeyID, organization: InternalID, user: UserID, name: String, description: String = "", hash: ContentHash,
        prefix: String, permissions: Set<Permission>, rateLimitOverride: Int? = nil, expiresAt: Timestamp? = nil,
        lastUsedAt: Timestamp? = nil, createdAt: Timestamp, createdBy: UserID? = nil, revokedAt: Timestamp? = nil
    ) {
        self.id = id
        self.organization = organization
        self.user = user
        self.name = name
        self.description = description
        self.hash = hash
        self.prefix = prefix
        self.permissions = permissions
        self.rateLimitOverride = rateLimitOverride
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.revokedAt = revokedAt
    }

    /// The key with no more permissions than its user's role allows.
    package func limited(to role: UserRole) -> APIKey {
        let highest = role.highestPermission
        guard permissions.contains(where: { $0 > highest }) else { return self }
        var key = self
        key.permissions = permissions.filter { $0 <= highest }.union([highest])
        return key
    }

    package func allows(_ needed: Permission) -> Bool { permissions.contains { $0 >= needed } }

    package func isActive(at moment: Timestamp) -> Bool {
        revokedAt == nil && (expiresAt.map { moment < $0 } ?? true)
    }
}

package enum UserRole: String, CaseIterable, Sendable {
    case admin
    case member
    case viewer

    /// The most that a key of such a user may do, whatever its own permissions say.
    package var highestPermission: Permission {
        switch self {
        case .admin: .admin
        case .member: .delete
        case .viewer: .read
        }
    }
}

/// Only the keys of active users are good.
package enum UserStatus: String, CaseIterable, Sendable {
    case active
    case suspended
    case pending
}

/// A person of an organization; keys belong to users.
package struct User: Hashable, Sendable {
    package let id: UserID
    package let organization: InternalID
    package let email: String
    package var name: String
    package var role: UserRole
    package var status: UserStatus
    package var avatarURL: String?
    package var metadata: JSONObject
    package let createdAt: Timestamp
    package var updatedAt: Timestamp

    package init(
        id: UserID, organization: InternalID, email: String, name: String, role: UserRole,
        status: UserStatus = .active, avatarURL: String? = nil, metadata: JSONObject = [:], createdAt: Timestamp,
        updatedAt: Timestamp
    ) {
        self.id = id
        self.organization = organization
        self.email = email
        self.name = name
        self.role = role
        self.status = status
        self.avatarURL = avatarURL
        self.metadata = metadata
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Who makes a request: a key that was found valid, and its organization as it was then.
package struct Caller: Sendable {
    package let organization: Organization
    package let key: APIKey
    /// Of the key's user; nil where only the key is known.
    package let email: String?
    package init(organization: Organization, key: APIKey, email: String? = nil) {
        self.organization = organization
        self.key = key
        self.email = email
    }
}
