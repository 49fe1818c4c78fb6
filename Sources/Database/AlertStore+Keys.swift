package import Domain

extension AlertStore {
    /// How many days ahead the expiry of a key is told, each once.
    package static let expiryDays: [Int64] = [1, 7]

    /// Notes keys that expire soon as alerts. A key whose whole life is shorter than the time ahead is not told of.
    /// - Returns: how many.
    package func noteExpiringKeys(now: Timestamp, limit: Int = 500) throws(DatabaseError) -> Int {
        var count = 0
        for days in Self.expiryDays {
            let keys = try expiringKeys(within: days, now: now, limit: limit)
            for key in keys {
                // A day ahead is a week ahead, too.
                for told in Self.expiryDays where told >= days {
                    try connection.execute(
                        """
                        INSERT INTO key_expiry_alerts (key_id, expires_at, days) VALUES (?1, ?2, ?3)
                        ON CONFLICT DO NOTHING
                        """, [.init(key.id), .init(key.expiresAt), .init(told)])
                }
                try insert(
                    .keyExpiring,
                    Alert(
                        subject: key.id.rawValue, at: now,
                        data: [
                            "name": .string(key.name), "user": .string(key.email),
                            "expires_at": JSONValue(key.expiresAt),
                        ]), of: key.organization)
            }
            count += keys.count
        }
        try connection.execute("DELETE FROM key_expiry_alerts WHERE expires_at <= ?1", [.init(now)])
        return count
    }

    private struct ExpiringKey {
        let id: KeyID
        let organization: InternalID
        let name: String
        let email: String
        let expiresAt: Timestamp
    }

    private func expiringKeys(
        within days: Int64, now: Timestamp, limit: Int
    ) throws(DatabaseError) -> [ExpiringKey] {
        let ahead = days * 86_400_000
        return try connection.query(
            """
            SELECT k.id, k.organization, k.name, u.email, k.expires_at FROM api_keys k
            JOIN users u ON u.id = k.user_id JOIN organizations o ON o.internal_id = k.organization
            WHERE k.revoked_at IS NULL AND k.expires_at > ?1 AND k.expires_at <= ?2 AND k.created_at <= k.expires_at - ?3
            AND o.notifications_email IS NOT NULL AND o.deleted_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM key_expiry_alerts t
                WHERE t.key_id = k.id AND t.expires_at = k.expires_at AND t.days = ?4)
            ORDER BY k.expires_at LIMIT ?5
            """,
            [.init(now), .init(now.adding(milliseconds: ahead)), .init(ahead), .init(days), .init(limit)]
        ) { row throws(DatabaseError) in
            ExpiringKey(
                id: try row.value(), organization: try row.value(), name: try row.text(), email: try row.text(),
                expiresAt: try row.timestamp())
        }
    }
}
