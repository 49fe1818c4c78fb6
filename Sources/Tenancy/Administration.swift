import Database
import Domain

/// Looks after that an organization can be administrated tomorrow as long as it can today: what takes a key or a user away
/// must leave another admin's key that is good for as long. One that expires in a minute is no substitute.
struct Administration {
    private let transaction: any Transaction
    private let organization: InternalID
    private let now: Timestamp

    init(_ trail: AuditTrail, in transaction: any Transaction) {
        self.transaction = transaction
        organization = trail.organization
        now = trail.at
    }

    /// Whether the organization can do without the user and the user's keys.
    func survives(without user: UserID) throws(DatabaseError) -> Bool {
        try survives(until: transaction.apiKeys.administrationEnd(organization, besidesUser: user, now: now))
    }

    /// Whether the organization can do without the key.
    ///
    /// - Parameter changed: what becomes of the key instead; nil where it goes, or where its user administrates nothing.
    func survives(without key: KeyID, butWith changed: APIKey? = nil) throws(DatabaseError) -> Bool {
        let rest = try transaction.apiKeys.administrationEnd(organization, besidesKey: key, now: now)
        let own = changed.flatMap { key -> Timestamp? in
            key.allows(.admin) && key.isActive(at: now) ? key.expiresAt ?? .never : nil
        }
        return try survives(until: [rest, own].compactMap { $0 }.max())
    }

    private func survives(until end: Timestamp?) throws(DatabaseError) -> Bool {
        guard let today = try transaction.apiKeys.administrationEnd(organization, now: now) else { return true }
        return end.map { $0 >= today } ?? false
    }
}
