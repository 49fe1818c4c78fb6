package import Domain

extension DeliveryStore {
    /// Gives up what waits since before `moment`.
    /// - Returns: how many.
    package func giveUp(before moment: Timestamp, now: Timestamp, limit: Int = 1_000) throws(DatabaseError) -> Int {
        try abandon(
            """
            SELECT id FROM webhook_deliveries WHERE status = 'pending' AND created_at <= ?4
            AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY created_at LIMIT ?5
            """, "it could not be delivered in time", [.init(moment), .init(limit)], now)
    }

    /// Gives up the oldest of what waits for a webhook, where more than `maximum` waits.
    /// - Returns: how many.
    package func shorten(
        to maximum: Int, now: Timestamp, limit: Int = 1_000
    ) throws(DatabaseError) -> Int {
        var (count, last) = (0, "")
        while true {
            let next = try transaction.first(
                "SELECT MIN(webhook_id) FROM webhook_deliveries WHERE status = 'pending' AND webhook_id > ?1",
                [.init(last)]
            ) { row throws(DatabaseError) in try row.optionalText() }
            guard let webhook = next ?? nil else { return count }
            last = webhook
            count += try abandon(
                """
                SELECT id FROM webhook_deliveries WHERE webhook_id = ?4 AND status = 'pending'
                AND (lease_until IS NULL OR lease_until <= ?2) AND event_sequence <= (
                    SELECT event_sequence FROM webhook_deliveries WHERE webhook_id = ?4 AND status = 'pending'
                    ORDER BY event_sequence DESC LIMIT 1 OFFSET ?6)
                ORDER BY event_sequence LIMIT ?5
                """, "too many events wait for the webhook", [.init(webhook), .init(limit), .init(maximum)], now)
        }
    }

    /// - Parameter selection: finds the identifiers; its parameters begin at `?4`, `?2` is the present moment.
    private func abandon(
        _ selection: String, _ reason: String, _ parameters: [SQLValue], _ now: Timestamp
    ) throws(DatabaseError) -> Int {
        let abandoned = try transaction.query(
            """
            UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, finished_at = ?2, is_first = 0,
            last_error = CASE WHEN last_error IS NULL THEN ?1 ELSE ?1 || ?3 || last_error END,
            lease = NULL, lease_node = NULL, lease_until = NULL WHERE id IN (\(selection))
            RETURNING webhook_id, subject
            """, [.init(reason), .init(now), "; the last attempt: "] + parameters
        ) { row throws(DatabaseError) in
            Place(webhook: try row.value(), subject: try row.text())
        }
        for place in Set(abandoned) { try promote(place.subject, of: place.webhook) }
        return abandoned.count
    }

    /// Where deliveries wait for each other.
    private struct Place: Hashable {
        let webhook: WebhookID
        let subject: String
    }

    /// Forgets what ended before `moment`, the oldest first, at most `limit` of them.
    /// - Returns: how many.
    @discardableResult
    package func purge(before moment: Timestamp, limit: Int = 1_000) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            DELETE FROM webhook_deliveries WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE status <> 'pending' AND finished_at < ?1
                ORDER BY finished_at LIMIT ?2)
            """, [.init(moment), .init(limit)])
    }

    /// How many wait, of all organizations.
    package func pendingCount() throws(DatabaseError) -> Int {
        Int(try transaction.count("SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'pending'", []))
    }
}
