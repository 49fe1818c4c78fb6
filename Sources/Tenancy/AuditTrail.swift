import Crypto
import Database
import Domain

/// Who makes a change, and when: what every audit event of one request has in common.
struct AuditTrail: Sendable {
    let organization: InternalID
    /// A key's public identifier, `operator` or `system`.
    let actor: String
    let requestID: String
    let at: Timestamp

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
                resourceType: resourceType, resourceID: resourceID, before: before, after: after, requestID: requestID))
    }

    /// Grants purchased credits, and records the grant and the tier that it led to.
    func grant(_ amount: Int64, reason: String, in transaction: any Transaction) throws(DatabaseError) {
        guard
            let result = try transaction.credits.grant(
                amount, to: organization, reason: reason, now: at)
        else { return }
        try record(
            "credits.granted", "credits", reason, after: ["credits": .integer(amount)], in: transaction)
        if let tier = result.upgradedTo {
            try record(
                "organization.tier_upgraded", "tier", tier.rawValue, after: ["account_type": .string(tier.rawValue)],
                in: transaction)
        }
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
