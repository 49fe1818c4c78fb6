import Crypto
import Database
import Domain
import Endpoints
import HTTP

/// Who makes a change, by what right, and when: what every audit event of one request has in common.
struct AuditTrail: Sendable {
    /// What the right to change something rests on.
    private enum Authority: Sendable {
        /// A key of the organization with the permission `admin`, which all changes here need.
        case key(ContentHash)
        /// The operator's own.
        case operatorOnly
    }

    let organization: InternalID
    /// A key's public identifier, `operator`, `command_line` or `system`.
    let actor: String
    let requestID: String
    let at: Timestamp
    let origin: AuditOrigin?
    private let authority: Authority
    private var actorEmail: String?
    private var actorKeyName: String?

    /// The operator's work.
    init(
        organization: InternalID, actor: String, requestID: String, at: Timestamp, origin: AuditOrigin? = nil
    ) {
        self.organization = organization
        self.actor = actor
        self.requestID = requestID
        self.at = at
        self.origin = origin
        authority = .operatorOnly
    }

    /// A request by one of the organization's own keys.
    init(_ request: Request, by caller: Caller, at: Timestamp) {
        organization = caller.organization.internalID
        actor = caller.key.id.rawValue
        requestID = request.head.id
        self.at = at
        origin = AuditOrigin(request.head)
        authority = .key(caller.key.hash)
        actorEmail = caller.email
        actorKeyName = caller.key.name
    }

    var isOperators: Bool {
        if case .operatorOnly = authority { true } else { false }
    }

    /// Why the change may not be made; nil where it may. Asked inside the transaction that makes it: whoever lost a key, a
    /// permission or a role the moment before changes nothing any more, and nobody changes an organization that is
    /// deleted.
    func refusal(in transaction: any Transaction) throws(DatabaseError) -> Failure? {
        switch authority {
        case .key(let hash):
            guard let caller = try transaction.apiKeys.caller(hash: hash), caller.key.isActive(at: at) else {
                return .invalidKey
            }
            return caller.key.allows(.admin) ? nil : .forbidden(.admin)
        case .operatorOnly:
            return try transaction.organizations.find(organization) == nil ? .noSuchOrganization : nil
        }
    }

    /// Records a change of settings with those of its fields that changed, before and after.
    func record(
        _ action: String, before: Organization, after: Organization, in transaction: any Transaction
    ) throws(DatabaseError) {
        let (old, new) = Self.difference(before.auditView, after.auditView)
        guard !new.isEmpty else { return }
        try record(action, "organization", after.id.rawValue, before: old, after: new, in: transaction)
        try announce(new.keys, before: before.gate, after: after.gate, of: after.id, in: transaction)
    }

    /// Tells whoever listens which settings changed. Their values are read where they are kept; those of the gate are
    /// what a change of is worth an alarm.
    private func announce(
        _ fields: [String], before: GateSettings, after: GateSettings, of id: OrganizationID,
        in transaction: any Transaction
    ) throws(DatabaseError) {
        try transaction.events.emit(
            .organizationUpdated, about: id.rawValue, of: organization, at: at
        ) { _ throws(DatabaseError) in
            [
                "organization_id": .string(id.rawValue), "changed_fields": .array(fields.map(JSONValue.string)),
                "nsfw_check_enabled": [
                    "before": .bool(before.checkEnabled), "after": .bool(after.checkEnabled),
                ],
                "nsfw_fail_closed": ["before": .bool(before.failClosed), "after": .bool(after.failClosed)],
                "actor": .string(actor), "actor_email": JSONValue(actorEmail),
            ]
        }
    }

    func record(
        _ action: String, _ resourceType: String, _ resourceID: String, before: JSONObject? = nil,
        after: JSONObject? = nil, in transaction: any Transaction
    ) throws(DatabaseError) {
        try transaction.audit.insert(
            AuditEvent(
                id: RandomID.auditID(), organization: organization, at: at, actor: actor, action: action,
                resourceType: resourceType, resourceID: resourceID, before: before, after: after, requestID: requestID,
                origin: origin
            ).naming(email: actorEmail, keyName: actorKeyName))
    }

    func recordRevocation(of key: APIKey, in transaction: any Transaction) throws(DatabaseError) {
        try record(
            "api_key_revoked", "api_key", key.id.rawValue, before: key.auditView,
            after: ["revoked_at": JSONValue(at)], in: transaction)
    }

    /// Grants purchased credits, and records the grant and the tier that it led to.
    func grant(_ amount: Int64, reason: String, in transaction: any Transaction) throws(DatabaseError) {
        guard
            let result = try transaction.credits.grant(
                amount, to: organization, reason: reason, now: at)
        else { return }
        let purchased = result.balance.purchased
        try record(
            "credits_granted", "credits", reason, before: ["purchased_credits": .integer(purchased - amount)],
            after: ["purchased_credits": .integer(purchased), "credits": .integer(amount)], in: transaction)
        if let tier = result.upgradedTo {
            // Only a free organization is raised.
            try record(
                "tier_upgraded", "tier", tier.rawValue, before: ["account_type": .string(Tier.free.rawValue)],
                after: ["account_type": .string(tier.rawValue)], in: transaction)
            if let found = try transaction.organizations.find(organization) {
                try announce(
                    ["account_type"], before: found.gate, after: found.gate, of: found.id, in: transaction)
            }
        }
    }

    /// Records a change of some other thing, with those members of its views that changed.
    func record(
        _ action: String, _ resourceType: String, _ resourceID: String, from before: JSONObject, to after: JSONObject,
        in transaction: any Transaction
    ) throws(DatabaseError) {
        let (old, new) = Self.difference(before, after)
        guard !new.isEmpty else { return }
        try record(action, resourceType, resourceID, before: old, after: new, in: transaction)
    }

    private static func difference(_ before: JSONObject, _ after: JSONObject) -> (JSONObject, JSONObject) {
        var (old, new) = (JSONObject(), JSONObject())
        // By their text: what Unicode calls equivalent is a change all the same.
        for (name, value) in after where before[name]?.encoded.utf8.elementsEqual(value.encoded.utf8) != true {
            old[name] = before[name]
            new[name] = value
        }
        return (old, new)
    }
}
