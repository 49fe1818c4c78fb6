import Crypto
import Database
import Domain
import Endpoints
import HTTP

/// Who makes a change, and when: what every audit event of one request has in common.
struct AuditTrail: Sendable {
    let organization: InternalID
    /// A key's public identifier, `operator` or `system`.
    let actor: String
    let requestID: String
    let at: Timestamp
    let origin: AuditOrigin?

    init(
        organization: InternalID, actor: String, requestID: String, at: Timestamp, origin: AuditOrigin? = nil
    ) {
        self.organization = organization
        self.actor = actor
        self.requestID = requestID
        self.at = at
        self.origin = origin
    }

    /// A request by one of the organization's own keys.
    init(_ request: Request, by caller: Caller, at: Timestamp) {
        self.init(
            organization: caller.organization.internalID, actor: caller.key.id.rawValue, requestID: request.head.id,
            at: at, origin: AuditOrigin(request.head))
    }

    /// Records a change of settings with those of its fields that changed, before and after.
    func record(
        _ action: String, before: Organization, after: Organization, in transaction: any Transaction
    ) throws(DatabaseError) {
        let (old, new) = Self.difference(before.auditView, after.auditView)
        guard !new.isEmpty else { return }
        try record(action, "organization", after.id.rawValue, before: old, after: new, in: transaction)
    }

    func record(
        _ action: String, _ resourceType: String, _ resourceID: String, before: JSONObject? = nil,
        after: JSONObject? = nil, in transaction: any Transaction
    ) throws(DatabaseError) {
        try transaction.audit.insert(
            AuditEvent(
                id: RandomID.auditID(), organization: organization, at: at, actor: actor, action: action,
                resourceType: resourceType, resourceID: resourceID, before: before, after: after, requestID: requestID,
                origin: origin))
    }

    /// Grants purchased credits, and records the grant and the tier that it led to.
    func grant(_ amount: Int64, reason: String, in transaction: any Transaction) throws(DatabaseError) {
        guard
            let result = try transaction.credits.grant(
                amount, to: organization, reason: reason, now: at)
        else { return }
        try record(
            "credits_granted", "credits", reason, after: ["credits": .integer(amount)], in: transaction)
        if let tier = result.upgradedTo {
            try record(
                "organization_tier_upgraded", "tier", tier.rawValue, after: ["account_type": .string(tier.rawValue)],
                in: transaction)
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
