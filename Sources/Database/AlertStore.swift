package import Domain

/// Alerts that wait for their mail. Each is written by the transaction that makes it true, and goes when its mail was
/// taken by the operator's mail server; of a kind, an organization gets one mail an hour.
package struct AlertStore {
    let connection: any Transaction
    private var transaction: any Transaction { connection }
    init(_ transaction: any Transaction) { connection = transaction }

    /// How many alerts one mail describes.
    package static let describedAlerts = 20

    /// Whether the organization has somebody who is told.
    func hasReader(_ organization: InternalID) throws(DatabaseError) -> Bool {
        try transaction.first(
            "SELECT 1 FROM organizations WHERE internal_id = ?1 AND notifications_email IS NOT NULL AND deleted_at IS NULL",
            [.init(organization)]
        ) { row throws(DatabaseError) in try row.bool() } ?? false
    }

    /// Notes something that is to be told, unless there is nobody to tell.
    package func insert(
        _ kind: AlertKind, _ alert: Alert, of organization: InternalID
    ) throws(DatabaseError) {
        guard try hasReader(organization) else { return }
        try transaction.execute(
            "INSERT INTO alerts (organization, kind, subject, created_at, data) VALUES (?1, ?2, ?3, ?4, ?5)",
            [.init(organization), .init(kind), .init(alert.subject), .init(alert.at), .init(alert.data)])
        // Where a mail went within the hour, the row is there, and says when the next may go.
        try transaction.execute(
            """
            INSERT INTO alert_mails (organization, kind, next_at, attempts) VALUES (?1, ?2, ?3, 0)
            ON CONFLICT DO NOTHING
            """, [.init(organization), .init(kind), .init(alert.at)])
    }

    /// Whether a mail can be claimed.
    package func isAnyDue(now: Timestamp) throws(DatabaseError) -> Bool {
        try transaction.first(
            "SELECT 1 FROM alert_mails WHERE next_at <= ?1 AND (lease IS NULL OR lease_until <= ?1) LIMIT 1",
            [.init(now)]
        ) { row throws(DatabaseError) in try row.bool() } ?? false
    }

    /// What became of an attempt to find a mail to send.
    package enum Claim: Sendable {
        case batch(AlertBatch)
        /// So many alerts have nobody any more who could be told.
        case suppressed(AlertKind, Int)
        /// A mail's row went, since nothing waits for it; there may be others.
        case idle
    }

    /// Takes the mail that is due for longest, those first that did not fail yet, and leaves it to nobody else until `until`.
    /// - Returns: nil where none is due.
    package func claim(lease: String, until: Timestamp, now: Timestamp) throws(DatabaseError) -> Claim? {
        var due = try due("attempts = 0", now: now)
        if due == nil { due = try self.due("attempts > 0", now: now) }
        guard let found = due else { return nil }
        let key: [SQLValue] = [.init(found.organization), .init(found.kind)]
        let claimed = try transaction.execute(
            """
            UPDATE alert_mails SET lease = ?3, lease_until = ?4
            WHERE organization = ?1 AND kind = ?2 AND next_at <= ?5 AND (lease IS NULL OR lease_until <= ?5)
            """, key + [.init(lease), .init(until), .init(now)])
        guard claimed == 1 else { return .idle }
        let count = try pendingCount(found.kind, of: found.organization)
        let organization = try transaction.organizations.find(found.organization)
        guard count > 0, let organization, let address = organization.notificationsEmail else {
            try transaction.execute("DELETE FROM alerts WHERE organization = ?1 AND kind = ?2", key)
            try transaction.execute("DELETE FROM alert_mails WHERE organization = ?1 AND kind = ?2", key)
            return count > 0 ? .suppressed(found.kind, count) : .idle
        }
        let alerts = try transaction.query(
            """
            SELECT sequence, subject, created_at, data FROM alerts WHERE organization = ?1 AND kind = ?2
            ORDER BY sequence DESC LIMIT ?3
            """, key + [.init(Self.describedAlerts)]
        ) { row throws(DatabaseError) in
            (
                sequence: try row.integer(),
                alert: Alert(subject: try row.text(), at: try row.timestamp(), data: try row.object())
            )
        }
        return .batch(
            AlertBatch(
                organization: found.organization, organizationID: organization.id, organizationName: organization.name,
                address: address, kind: found.kind, alerts: alerts.map(\.alert).reversed(), count: count,
                attempts: found.attempts, sequence: alerts.first?.sequence ?? 0, lease: lease))
    }

    private func due(
        _ condition: String, now: Timestamp
    ) throws(DatabaseError) -> (organization: InternalID, kind: AlertKind, attempts: Int)? {
        try transaction.first(
            """
            SELECT organization, kind, attempts FROM alert_mails
            WHERE next_at <= ?1 AND (lease IS NULL OR lease_until <= ?1) AND \(condition) ORDER BY next_at LIMIT 1
            """, [.init(now)]
        ) { row throws(DatabaseError) in
            (organization: try row.value(), kind: try row.value(), attempts: try row.int())
        }
    }

    /// Forgets what a mail told, or what nobody can be told; the next mail of the kind may go at `nextAt`.
    /// - Returns: false where the lease had run out and somebody else has it.
    package func finish(_ batch: AlertBatch, nextAt: Timestamp) throws(DatabaseError) -> Bool {
        guard try release(batch, nextAt: nextAt, attempts: 0) else { return false }
        try transaction.execute(
            "DELETE FROM alerts WHERE organization = ?1 AND kind = ?2 AND sequence <= ?3",
            [.init(batch.organization), .init(batch.kind), .init(batch.sequence)])
        return true
    }

    /// Leaves the mail for later.
    package func postpone(_ batch: AlertBatch, until: Timestamp) throws(DatabaseError) {
        _ = try release(batch, nextAt: until, attempts: batch.attempts + 1)
    }

    /// Lets the mail go at once, as if it had never been tried, since it goes to another address now.
    package func redirect(_ batch: AlertBatch, at now: Timestamp) throws(DatabaseError) {
        _ = try release(batch, nextAt: now, attempts: 0)
    }

    /// Lets what waits for an organization go at once.
    func hurry(_ organization: InternalID, now: Timestamp) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE alert_mails SET next_at = ?2, attempts = 0 WHERE organization = ?1 AND next_at > ?2",
            [.init(organization), .init(now)])
    }

    /// Whether the organization's mails go to this address now.
    package func isAddress(_ address: String, of organization: InternalID) throws(DatabaseError) -> Bool {
        try transaction.first(
            "SELECT 1 FROM organizations WHERE internal_id = ?1 AND notifications_email = ?2",
            [.init(organization), .init(address)]
        ) { row throws(DatabaseError) in try row.bool() } ?? false
    }

    private func release(_ batch: AlertBatch, nextAt: Timestamp, attempts: Int) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE alert_mails SET next_at = ?4, attempts = ?5, lease = NULL, lease_until = NULL
            WHERE organization = ?1 AND kind = ?2 AND lease = ?3
            """,
            [.init(batch.organization), .init(batch.kind), .init(batch.lease), .init(nextAt), .init(attempts)]) == 1
    }

    /// Forgets alerts that nobody could be told of for too long.
    /// - Returns: how many.
    package func expire(before moment: Timestamp) throws(DatabaseError) -> Int {
        try transaction.execute("DELETE FROM alerts WHERE created_at < ?1", [.init(moment)])
    }

    /// How many alerts wait.
    package func pendingCount() throws(DatabaseError) -> Int {
        Int(try transaction.count("SELECT COUNT(*) FROM alerts", []))
    }

    /// How many alerts of one kind wait.
    package func pendingCount(_ kind: AlertKind, of organization: InternalID) throws(DatabaseError) -> Int {
        Int(
            try transaction.count(
                "SELECT COUNT(*) FROM alerts WHERE organization = ?1 AND kind = ?2", [.init(organization), .init(kind)])
        )
    }

    /// Notes what is known of the address's health; nil for no known problem. An address that was changed meanwhile is
    /// another one.
    package func setStatus(
        _ status: JSONObject?, of organization: InternalID, address: String
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE organizations SET notifications_email_status = ?3, version = version + 1
            WHERE internal_id = ?1 AND notifications_email = ?2
            AND (notifications_email_status IS NOT NULL OR ?3 IS NOT NULL)
            """, [.init(organization), .init(address), .init(status)])
    }

    /// Forgets everything about an organization that is deleted.
    func forget(_ organization: InternalID) throws(DatabaseError) {
        for table in ["alerts", "alert_mails", "gate_outages"] {
            try transaction.execute("DELETE FROM \(table) WHERE organization = ?1", [.init(organization)])
        }
    }
}

extension Transaction {
    package var alerts: AlertStore { AlertStore(self) }
}
