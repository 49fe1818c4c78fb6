internal import Crypto
package import Domain

/// A delivery that its holder sends now; nobody else does before the lease ends.
package struct ClaimedDelivery: Sendable {
    package let delivery: Delivery
    package let webhook: Webhook
    /// Tells this claim from later ones.
    package let lease: String
}

/// How much may be under way at once.
package struct DeliveryLimits: Hashable, Sendable {
    package var perWebhook: Int
    package var perOrganization: Int

    package init(perWebhook: Int = 4, perOrganization: Int = 8) {
        self.perWebhook = perWebhook
        self.perOrganization = perOrganization
    }
}

/// What became of one attempt.
package struct DeliveryAttempt: Hashable, Sendable {
    package var responseStatus: Int?
    package var responseExcerpt: String?
    /// Why it failed; nil where it did not.
    package var error: String?

    package init(responseStatus: Int? = nil, responseExcerpt: String? = nil, error: String? = nil) {
        self.responseStatus = responseStatus
        self.responseExcerpt = responseExcerpt
        self.error = error
    }
}

extension DeliveryStore {
    /// Webhooks for which something is due, after `last` in the order of their identifiers, at most `limit` of them. It
    /// jumps from webhook to webhook in an index, so that a long backlog costs no more than a short one.
    package func webhooksDue(
        after last: String, now: Timestamp, limit: Int
    ) throws(DatabaseError) -> [WebhookID] {
        var (found, current): ([WebhookID], String) = ([], last)
        while found.count < limit {
            let next = try transaction.first(
                "SELECT MIN(webhook_id) FROM webhook_deliveries WHERE status = 'pending' AND webhook_id > ?1",
                [.init(current)]
            ) { row throws(DatabaseError) in try row.optionalText() }
            guard let text = next ?? nil else { break }
            current = text
            let isDue = try transaction.count(
                """
                SELECT COUNT(*) FROM webhooks w WHERE w.id = ?1 AND w.is_active = 1
                AND (w.retry_at IS NULL OR w.retry_at <= ?2) AND EXISTS (
                    SELECT 1 FROM webhook_deliveries d
                    WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.next_attempt_at <= ?2)
                """, [.init(text), .init(now)])
            if isDue > 0 { found.append(WebhookID(rawValue: text)) }
        }
        return found
    }

    /// Takes what of a webhook's deliveries may be sent now: due ones, of each subject only the oldest, and none of a
    /// subject of which one is under way. A webhook that fails gets one at a time.
    package func claim(
        for id: WebhookID, node: String, now: Timestamp, leaseMilliseconds: Int64, limits: DeliveryLimits, limit: Int
    ) throws(DatabaseError) -> [ClaimedDelivery] {
        guard let webhook = try transaction.webhooks.find(id), webhook.isActive,
            webhook.health.retryAt.map({ $0 <= now }) ?? true
        else { return [] }
        let underWay = try transaction.count(
            "SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = ?1 AND lease IS NOT NULL AND lease_until > ?2",
            [.init(id), .init(now)])
        let organizations = try transaction.count(
            """
            SELECT COUNT(*) FROM webhook_deliveries d WHERE d.lease IS NOT NULL AND d.lease_until > ?2
            AND d.webhook_id IN (SELECT id FROM webhooks WHERE organization = ?1)
            """, [.init(webhook.organization), .init(now)])
        let own = webhook.health.failures > 0 ? 1 : limits.perWebhook
        let room = min(limit, own - Int(underWay), limits.perOrganization - Int(organizations))
        guard room > 0 else { return [] }
        let due = try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables) WHERE d.webhook_id = ?1 AND d.status = 'pending'
            AND d.next_attempt_at <= ?2 AND (d.lease_until IS NULL OR d.lease_until <= ?2) AND NOT EXISTS (
                SELECT 1 FROM webhook_deliveries x WHERE x.webhook_id = d.webhook_id AND x.subject = d.subject
                AND x.status = 'pending' AND ((x.event_sequence, x.id) < (d.event_sequence, d.id) OR x.lease_until > ?2))
            ORDER BY d.next_attempt_at, d.event_sequence LIMIT ?3
            """, [.init(id), .init(now), .init(room)], Self.decode)
        var claimed: [ClaimedDelivery] = []
        for delivery in due {
            let lease = RandomID.base62(16)
            let isTaken = try transaction.execute(
                """
                UPDATE webhook_deliveries SET lease = ?2, lease_node = ?3, lease_until = ?4
                WHERE id = ?1 AND status = 'pending' AND (lease_until IS NULL OR lease_until <= ?5)
                """,
                [
                    .init(delivery.id), .init(lease), .init(node),
                    .init(now.adding(milliseconds: leaseMilliseconds)), .init(now),
                ])
            if isTaken == 1 { claimed.append(ClaimedDelivery(delivery: delivery, webhook: webhook, lease: lease)) }
        }
        return claimed
    }

    /// Gives back what a node had claimed, when it starts anew: it sends none of it any more.
    package func releaseLeases(ofNode node: String) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET lease = NULL, lease_node = NULL, lease_until = NULL
            WHERE lease IS NOT NULL AND lease_node = ?1
            """, [.init(node)])
    }

    /// Gives back a claim that was not used.
    package func release(_ claim: ClaimedDelivery) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET lease = NULL, lease_node = NULL, lease_until = NULL
            WHERE id = ?1 AND lease = ?2
            """, [.init(claim.delivery.id), .init(claim.lease)])
    }

    /// Notes a success. The webhook is well again, and what waited for that is due.
    package func succeed(
        _ claim: ClaimedDelivery, _ attempt: DeliveryAttempt, now: Timestamp
    ) throws(DatabaseError) {
        try finish(claim.delivery.id, .delivered, attempt, isAttempt: true, now: now)
        guard let webhook = try transaction.webhooks.find(claim.webhook.id), webhook.health.failures > 0 else { return }
        try transaction.execute(
            """
            UPDATE webhooks SET failures = 0, first_failure_at = NULL, last_failure_at = NULL,
            last_failure_cause = NULL, retry_at = NULL WHERE id = ?1
            """, [.init(webhook.id)])
        // Not after one failure: that may be the fault of one event, which would then come again and again.
        guard webhook.health.failures >= Self.outageFailures else { return }
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET next_attempt_at = ?2
            WHERE webhook_id = ?1 AND status = 'pending' AND next_attempt_at > ?2
            """, [.init(webhook.id), .init(now)])
    }

    /// From this many failures in a row on, it is the webhook that fails, and not the event.
    package static let outageFailures = 3

    /// Notes a failure.
    ///
    /// - Parameters:
    ///   - nextAttemptAt: when it is tried again; nil where that was the last time.
    ///   - retryAt: until when the webhook as a whole is left in peace.
    ///   - pausesAfter: how long a webhook may fail before nothing is sent to it any more; nil for as long as it likes.
    /// - Returns: whether the webhook was paused.
    package func fail(
        _ claim: ClaimedDelivery, _ attempt: DeliveryAttempt, nextAttemptAt: Timestamp?, retryAt: Timestamp?,
        pausesAfterMilliseconds: Int64?, now: Timestamp
    ) throws(DatabaseError) -> Bool {
        if let nextAttemptAt {
            try transaction.execute(
                """
                UPDATE webhook_deliveries SET attempts = attempts + 1, next_attempt_at = ?3, last_attempt_at = ?4,
                response_status = ?5, response_excerpt = ?6, last_error = ?7, lease = NULL, lease_node = NULL,
                lease_until = NULL WHERE id = ?1 AND lease = ?2
                """,
                [
                    .init(claim.delivery.id), .init(claim.lease), .init(nextAttemptAt), .init(now),
                    .init(attempt.responseStatus), .init(attempt.responseExcerpt), .init(attempt.error),
                ])
        } else {
            try finish(claim.delivery.id, .failed, attempt, isAttempt: true, now: now)
        }
        try transaction.execute(
            """
            UPDATE webhooks SET failures = failures + 1, first_failure_at = COALESCE(first_failure_at, ?2),
            last_failure_at = ?2, last_failure_cause = ?3, retry_at = ?4 WHERE id = ?1
            """, [.init(claim.webhook.id), .init(now), .init(attempt.error), .init(retryAt)])
        guard let pausesAfterMilliseconds, let webhook = try transaction.webhooks.find(claim.webhook.id),
            webhook.isActive, let first = webhook.health.firstFailureAt,
            first.adding(milliseconds: pausesAfterMilliseconds) <= now
        else { return false }
        try transaction.webhooks.pause(
            webhook, reason: "no delivery has succeeded since \(first.iso8601)", now: now)
        return true
    }

    private func finish(
        _ id: DeliveryID, _ status: Delivery.Status, _ attempt: DeliveryAttempt, isAttempt: Bool, now: Timestamp
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET status = ?2, attempts = attempts + ?3, next_attempt_at = NULL,
            last_attempt_at = ?4, finished_at = ?4, response_status = ?5, response_excerpt = ?6, last_error = ?7,
            lease = NULL, lease_node = NULL, lease_until = NULL WHERE id = ?1 AND status = 'pending'
            """,
            [
                .init(id), .init(status), .init(isAttempt ? 1 : 0), .init(now), .init(attempt.responseStatus),
                .init(attempt.responseExcerpt), .init(attempt.error),
            ])
    }
}
