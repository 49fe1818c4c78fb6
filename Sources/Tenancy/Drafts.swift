import Crypto
import Domain
import Endpoints

/// A user to be added.
struct UserDraft: Sendable {
    let email: String
    let name: String
    let role: UserRole

    init(email: String, name: String, role: UserRole) {
        self.email = email
        self.name = name
        self.role = role
    }

    /// nil where a required field is missing or wrong, which `fields` has then noted.
    init?(reading fields: inout FieldReader) {
        let email = fields.email("email")
        if email == nil, !fields.errors.contains(where: { $0.location.last == "email" }) {
            fields.reject("email", "missing", "this field is required")
        }
        let name = fields.string("user_name", length: 2...100)
        let role = fields.choice("role", of: UserRole.self) ?? .member
        guard let email else { return nil }
        self.init(email: email, name: name ?? String(email.prefix { $0 != "@" }), role: role)
    }
}

/// A key to be created.
struct KeyDraft: Sendable {
    let name: String
    let description: String
    let permissions: Set<Permission>
    let rateLimitOverride: Int?
    let expiresAt: Timestamp?

    init(
        name: String, description: String = "", permissions: Set<Permission> = Set(Permission.allCases),
        rateLimitOverride: Int? = nil, expiresAt: Timestamp? = nil
    ) {
        self.name = name
        self.description = description
        self.permissions = permissions
        self.rateLimitOverride = rateLimitOverride
        self.expiresAt = expiresAt
    }

    /// - Parameter defaultName: where the field `name` is absent.
    init(reading fields: inout FieldReader, defaultName: String, now: Timestamp) {
        let name = fields.string("name", length: 1...100) ?? defaultName
        let description = fields.string("description", length: 0...500) ?? ""
        var permissions = Set(Permission.allCases)
        if let values = fields.array("permissions", maximumCount: 16) {
            permissions = Set(values.compactMap { $0.stringValue.flatMap(Permission.init(rawValue:)) })
            if permissions.count != Set(values).count || permissions.isEmpty {
                let known = Permission.allCases.map(\.rawValue).joined(separator: ", ")
                fields.reject("permissions", "enum", "is not a list of one or more of \(known)")
            }
        }
        let limit = fields.integer("rate_limit_override", 1...1_000_000_000).map(Int.init)
        var expiresAt: Timestamp?
        if let text = fields.string("expires_at", length: 1...64) {
            expiresAt = Timestamp(iso8601: text)
            if expiresAt == nil {
                fields.reject("expires_at", "datetime", "is not a time of the form 2026-01-31T00:00:00Z")
            } else if let moment = expiresAt, moment <= now {
                fields.reject("expires_at", "datetime_past", "lies in the past")
            }
        }
        self.init(
            name: name, description: description, permissions: permissions, rateLimitOverride: limit,
            expiresAt: expiresAt)
    }
}

/// A key that was just created, with its secret, which is shown this once.
struct CreatedKey: Sendable {
    let key: APIKey
    let secret: String

    func presentation(organization: OrganizationID) -> JSONObject {
        var object = key.presentation(organization: organization)
        object["key"] = .string(secret)
        return object
    }
}

extension APIKey {
    /// The key as the API shows it. The official SDK's model demands an `internal_id`; it carries the public
    /// identifier.
    func presentation(organization: OrganizationID) -> JSONObject {
        [
            "key_id": .string(id.rawValue), "key_hash": .string(hash.rawValue), "key_prefix": .string(prefix),
            "key_type": "standard", "internal_id": .string(organization.rawValue),
            "organization_id": .string(organization.rawValue), "user_id": .string(user.rawValue),
            "name": .string(name), "description": .string(description),
            "permissions": .array(permissions.sorted().map { .string($0.rawValue) }), "scopes": [],
            "rate_limit_override": JSONValue(rateLimitOverride),
            "status": .string(revokedAt == nil ? "active" : "revoked"), "expires_at": JSONValue(expiresAt),
            "last_used_at": JSONValue(lastUsedAt), "created_at": JSONValue(createdAt),
            "created_by": JSONValue(createdBy?.rawValue), "revoked_at": JSONValue(revokedAt),
        ]
    }
}
