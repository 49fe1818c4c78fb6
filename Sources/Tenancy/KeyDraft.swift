import Crypto
import Domain
import Endpoints

/// A key to be created.
struct KeyDraft: Sendable {
    let name: String
    let description: String
    /// nil for the default.
    let permissions: Set<Permission>?
    let rateLimitOverride: Int?
    let expiresAt: Timestamp?

    /// - Parameter defaultName: where the field `name` is absent; nil where it is required.
    init(reading fields: inout FieldReader, defaultName: String?, now: Timestamp) {
        name = fields.keyName() ?? defaultName ?? ""
        if defaultName == nil { fields.require("name") }
        description = fields.string("description", length: 0...KeyLimits.descriptionLength) ?? ""
        permissions = fields.permissions()
        rateLimitOverride = fields.integer("rate_limit_override", KeyLimits.rateLimit).map(Int.init)
        expiresAt = fields.expiry(now: now)
        fields.refuseKeyRestrictions()
    }
}

/// The changes of a key.
struct KeyUpdate: Sendable {
    enum Status: String, CaseIterable, Sendable {
        case active
        case revoked
    }

    let name: String?
    private let description: String?
    let permissions: Set<Permission>?
    private let rateLimitOverride: Explicit<Int>
    private let expiresAt: Explicit<Timestamp>
    let status: Status?

    /// A null takes expiry and limit away; elsewhere it says nothing.
    init(reading fields: inout FieldReader, now: Timestamp) {
        name = fields.keyName()
        description = fields.string("description", length: 0...KeyLimits.descriptionLength)
        permissions = fields.permissions()
        rateLimitOverride = Explicit(
            fields.integer("rate_limit_override", KeyLimits.rateLimit).map(Int.init),
            isPresent: fields.has("rate_limit_override"))
        expiresAt = Explicit(fields.expiry(now: now), isPresent: fields.has("expires_at"))
        status = fields.choice("status", of: Status.self)
        fields.refuseKeyRestrictions()
    }

    func apply(to key: inout APIKey, now: Timestamp) {
        if let name { key.name = name }
        if let description { key.description = description }
        if let permissions { key.permissions = permissions }
        key.rateLimitOverride = rateLimitOverride.applied(to: key.rateLimitOverride)
        key.expiresAt = expiresAt.applied(to: key.expiresAt)
        if status == .revoked { key.revokedAt = now }
    }

    /// The key as it would be.
    func applied(to key: APIKey, now: Timestamp) -> APIKey {
        var key = key
        apply(to: &key, now: now)
        return key
    }
}

enum KeyLimits {
    static let nameLength = 1...100
    static let descriptionLength = 500
    static let rateLimit: ClosedRange<Int64> = 1...1_000_000_000
    /// Of one user, revoked and expired ones not counted.
    static let keys = 100
}

extension FieldReader {
    fileprivate mutating func keyName() -> String? {
        guard let name = pathName("name", length: KeyLimits.nameLength) else { return nil }
        // It would stand in the way of the key that has the identifier.
        guard !KeyID(rawValue: name).isWellFormed else {
            reject("name", "name", "has the form of a key's identifier")
            return nil
        }
        return name
    }

    fileprivate mutating func permissions() -> Set<Permission>? {
        guard let values = array("permissions", maximumCount: Permission.allCases.count) else { return nil }
        let permissions = Set(values.compactMap { $0.stringValue.flatMap(Permission.init(rawValue:)) })
        guard permissions.count == values.count, !permissions.isEmpty else {
            let known = Permission.allCases.map(\.rawValue).joined(separator: ", ")
            reject("permissions", "enum", "is not a list of one or more of \(known), each once")
            return nil
        }
        return permissions
    }

    fileprivate mutating func expiry(now: Timestamp) -> Timestamp? {
        guard let text = string("expires_at", length: 1...64) else { return nil }
        guard let moment = Timestamp(iso8601: text) else {
            reject("expires_at", "datetime", "is not a time of the form 2026-01-31T00:00:00Z, zone included")
            return nil
        }
        guard moment > now else {
            reject("expires_at", "datetime_past", "lies in the past")
            return nil
        }
        return moment
    }

    /// What the official API offers beside, and what would protect nothing here.
    fileprivate mutating func refuseKeyRestrictions() {
        unsupported("scopes", "keys are not restricted to resources here; leave it out or empty")
        unsupported("allowed_origins", "the origin of requests is not checked here; leave it out or empty")
        unsupported("principal_id", "documents have no access lists here; leave it out")
    }
}

/// A key that was just created or rotated, with its secret, which is shown this once.
struct CreatedKey: Sendable {
    let key: APIKey
    let secret: String

    func presentation(organization: OrganizationID, now: Timestamp) -> JSONObject {
        var object = key.presentation(organization: organization, now: now)
        object["key"] = .string(secret)
        return object
    }
}

extension APIKey {
    /// The key as the API shows it. The official SDK's model demands an `internal_id` and a `key_hash`. They carry the
    /// public identifiers: whoever reads a hash of the secret could use it to check guesses.
    func presentation(organization: OrganizationID, now: Timestamp) -> JSONObject {
        [
            "key_id": .string(id.rawValue), "key_hash": .string(id.rawValue), "key_prefix": .string(prefix),
            "key_type": "standard", "internal_id": .string(organization.rawValue),
            "organization_id": .string(organization.rawValue), "user_id": .string(user.rawValue),
            "name": .string(name), "description": .string(description), "permissions": permissionsValue, "scopes": [],
            "rate_limit_override": JSONValue(rateLimitOverride),
            "status": .string(revokedAt != nil ? "revoked" : isActive(at: now) ? "active" : "expired"),
            "expires_at": JSONValue(expiresAt), "last_used_at": JSONValue(lastUsedAt),
            "created_at": JSONValue(createdAt), "created_by": JSONValue(createdBy?.rawValue),
            "revoked_at": JSONValue(revokedAt),
        ]
    }

    /// What an audit event records of a key.
    var auditView: JSONObject {
        [
            "name": .string(name), "description": .string(description), "key_prefix": .string(prefix),
            "permissions": permissionsValue, "rate_limit_override": JSONValue(rateLimitOverride),
            "expires_at": JSONValue(expiresAt), "revoked_at": JSONValue(revokedAt),
        ]
    }

    private var permissionsValue: JSONValue { .array(permissions.sorted().map { .string($0.rawValue) }) }
}
