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
    /// Webhooks of which something may be claimed now, after `last` in the order of their identifiers, at most `limit` of
    /// them. It jumps from webhook to webhook in an index, and looks only at what is first of its subject, so that a
    /// long backlog costs no more than a short one.
    /// - Parameter isAdmitted: tells of a webhook whether its turn may come now.
    package func webhooksDue(
        after last: String, now: Timestamp, limits: DeliveryLimits, limit: Int,
        isAdmitted: (WebhookID) -> Bool = { _ in true }
    ) throws(DatabaseError) -> [WebhookID] {
        var (found, current): ([WebhookID], String) = ([], last)
        while found.count < limit {
            let next = try transaction.first(
                "SELECT MIN(webhook_id) FROM webhook_deliveries WHERE is_first = 1 AND webhook_id > ?1",
                [.init(current)]
            ) { row throws(DatabaseError) in try row.optionalText() }
            guard let text = next ?? nil else { break }
            current = text
            let id = WebhookID(rawValue: text)
            guard isAdmitted(id) else { continue }
            let first = try transaction.first(
                """
                SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = ?1 AND d.is_first = 1
                AND d.next_attempt_at <= ?2 AND (d.lease_until IS NULL OR d.lease_until <= ?2) LIMIT 1
                """, [.init(id), .init(now)]
            ) { row throws(DatabaseError) in try row.integer() }
            if first != nil, let webhook = try sendable(id, now: now), try room(for: webhook, limits, now: now) > 0 {
                found.append(id)
            }
        }
        return found
    }

    /// The webhook, where events may be sent to it now.
    private func sendable(_ id: WebhookID, now: Timestamp) throws(DatabaseError) -> Webhook? {
        guard let webhook = try transaction.webhooks.find(id), webhook.isActive,
            webhook.health.retryAt.map({ $0 <= now }) ?? true
        else { return nil }
        return webhook
    }

    /// How many more may be under way. A webhook that fails gets one at a time.
    private func room(
        for webhook: Webhook, _ limits: DeliveryLimits, now: Timestamp
    ) throws(DatabaseError) -> Int {
        let underWay = try transaction.count(
            "SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = ?1 AND lease IS NOT NULL AND lease_until > ?2",
            [.init(webhook.id), .init(now)])
        let organizations = try transaction.count(
            """
            SELECT COUNT(*) FROM webhook_deliveries d WHERE d.lease IS NOT NULL AND d.lease_until > ?2
            AND d.webhook_id IN (SELECT id FROM webhooks WHERE organization = ?1)
            """, [.init(webhook.organization), .init(now)])
        let own = webhook.health.failures > 0 ? 1 : limits.perWebhook
        return min(own - Int(underWay), limits.perOrganization - Int(organizations))
    }

    /// Takes what of a webhook's deliveries may be sent now: due ones, of each subject only the first, and none that is
    /// under way.
    package func claim(
        for id: WebhookID, node: String, now: Timestamp, leaseMilliseconds: Int64, limits: DeliveryLimits, limit: Int
    ) throws(DatabaseError) -> [ClaimedDelivery] {
        guard limit > 0, let webhook = try sendable(id, now: now) else { return [] }
        let room = min(limit, try room(for: webhook, limits, now: now))
        guard room > 0 else { return [] }
        let due = try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables) WHERE d.webhook_id = ?1 AND d.is_first = 1
            AND d.next_attempt_at <= ?2 AND (d.lease_until IS NULL OR d.lease_until <= ?2)
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
        try finish(claim, .delivered, attempt, now: now)
        guard let webhook = try transaction.webhooks.find(claim.webhook.id), webhook.health.failures > 0,
            webhook.isTarget(of: claim.webhook)
        else { return }
        try transaction.execute(
            """
            UPDATE webhooks SET failures = 0, first_failure_at = NULL, last_failure_at = NULL,
            last_failure_cause = NULL, retry_at = NULL WHERE id = ?1
            """, [.init(webhook.id)])
        // Not after one failure: that may be the fault of one event, which would then come again and again.
        if webhook.health.failures >= Self.outageFailures { try hasten(webhook.id, now: now) }
    }

    /// From this many failures in a row on, it is the webhook that fails, and not the event.
    package static let outageFailures = 3

    /// What a failure led to.
    package enum NotedFailure: Hashable, Sendable {
        /// Nothing: the webhook was changed meanwhile, or somebody else has the delivery. It says nothing of either.
        case ignored
        case noted
        /// Nothing is sent to the webhook any more.
        case paused
    }

    /// Notes a failure. What it means for the webhook is found from its row as it is now: other attempts ended, and its
    /// owner may have changed it, since this one began.
    ///
    /// - Parameters:
    ///   - nextAttemptAt: when it is tried again; nil where that was the last time.
    ///   - pausesAfterMilliseconds: how long a webhook may fail before nothing is sent to it any more; nil for as long as it likes.
    ///   - retryAt: until when a webhook with so many failures in a row is left in peace.
    package func fail(
        _ claim: ClaimedDelivery, _ attempt: DeliveryAttempt, nextAttemptAt: Timestamp?,
        pausesAfterMilliseconds: Int64?, now: Timestamp, retryAt: (_ failures: Int) -> Timestamp? = { _ in nil }
    ) throws(DatabaseError) -> NotedFailure {
        let holds = try transaction.count(
            "SELECT COUNT(*) FROM webhook_deliveries WHERE id = ?1 AND lease = ?2",
            [.init(claim.delivery.id), .init(claim.lease)])
        guard holds == 1, var webhook = try transaction.webhooks.find(claim.webhook.id) else { return .ignored }
        guard webhook.isTarget(of: claim.webhook) else {
            try release(claim)
            return .ignored
        }
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
            try finish(claim, .failed, attempt, now: now)
        }
        let isOutage = webhook.health.noteFailure(
            attempt.error, retryAt: retryAt, pausesAfterMilliseconds: pausesAfterMilliseconds, now: now)
        let health = webhook.health
        try transaction.execute(
            """
            UPDATE webhooks SET failures = ?2, first_failure_at = ?3, last_failure_at = ?4, last_failure_cause = ?5,
            retry_at = ?6 WHERE id = ?1
            """,
            [
                .init(webhook.id), .init(health.failures), .init(health.firstFailureAt), .init(health.lastFailureAt),
                .init(health.lastFailureCause), .init(health.retryAt),
            ])
        guard isOutage, webhook.isActive else { return .noted }
        try transaction.webhooks.pause(
            webhook, reason: "no delivery has succeeded since \((health.firstFailureAt ?? now).iso8601)", now: now)
        return .paused
    }

    private func finish(
        _ claim: ClaimedDelivery, _ status: Delivery.Status, _ attempt: DeliveryAttempt, now: Timestamp
    ) throws(DatabaseError) {
        let finished = try transaction.execute(
            """
            UPDATE webhook_deliveries SET status = ?2, attempts = attempts + 1, next_attempt_at = NULL, is_first = 0,
            last_attempt_at = ?3, finished_at = ?3, response_status = ?4, response_excerpt = ?5, last_error = ?6,
            lease = NULL, lease_node = NULL, lease_until = NULL WHERE id = ?1 AND status = 'pending'
            """,
            [
                .init(claim.delivery.id), .init(status), .init(now), .init(attempt.responseStatus),
                .init(attempt.responseExcerpt), .init(attempt.error),
            ])
        if finished == 1 { try promote(claim.delivery.event.subject, of: claim.webhook.id) }
    }
}
