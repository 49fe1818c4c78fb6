internal import Crypto
package import Domain

/// The organizations' webhooks. Nothing here can read what of them is sealed.
package struct WebhookStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// In the order in which `decode` takes them; the table is called `w`.
    static let columns = """
        w.id, w.organization, w.name, w.event_types, w.resource_types, w.url, w.header_names, \
        w.timeout_milliseconds, w.sealed, w.key_fingerprint, w.is_active, w.created_at, w.updated_at, w.failures, \
        w.first_failure_at, w.last_failure_at, w.last_failure_cause, w.retry_at, w.paused_at, w.paused_reason
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> Webhook {
        let (id, organization) = (try row.value(WebhookID.self), try row.value(InternalID.self))
        let (name, types, resources) = (try row.text(), try row.object(), try row.optionalObject())
        let (url, headers, timeout) = (try row.text(), try row.object(), try row.int())
        guard let sealed = Hexadecimal.decode(try row.text()) else {
            throw .invalidRow("what is sealed of the webhook \(id) is not hexadecimal")
        }
        var webhook = Webhook(
            id: id, organization: organization, name: name, eventTypes: list(types),
            resourceTypes: resources.map(list), url: url, headerNames: list(headers), timeoutMilliseconds: timeout,
            sealed: sealed, keyFingerprint: try row.text(), isActive: try row.bool(), createdAt: try row.timestamp(),
            updatedAt: try row.timestamp())
        webhook.health.failures = try row.int()
        webhook.health.firstFailureAt = try row.optionalTimestamp()
        webhook.health.lastFailureAt = try row.optionalTimestamp()
        webhook.health.lastFailureCause = try row.optionalText()
        webhook.health.retryAt = try row.optionalTimestamp()
        webhook.health.pausedAt = try row.optionalTimestamp()
        webhook.health.pausedReason = try row.optionalText()
        return webhook
    }

    private static func list(_ object: JSONObject) -> [String] {
        object["items"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    private static func object(_ list: [String]) -> JSONObject { ["items": .array(list.map(JSONValue.string))] }

    private static func values(_ webhook: Webhook) -> [SQLValue] {
        let health = webhook.health
        return [
            .init(webhook.id), .init(webhook.organization), .init(webhook.name), .init(object(webhook.eventTypes)),
            .init(webhook.resourceTypes.map(object)), .init(webhook.url), .init(object(webhook.headerNames)),
            .init(webhook.timeoutMilliseconds), .init(Hexadecimal.encode(webhook.sealed)),
            .init(webhook.keyFingerprint), .init(webhook.isActive), .init(webhook.createdAt),
            .init(webhook.updatedAt), .init(health.failures), .init(health.firstFailureAt),
            .init(health.lastFailureAt), .init(health.lastFailureCause), .init(health.retryAt),
            .init(health.pausedAt), .init(health.pausedReason),
        ]
    }

    package func insert(_ webhook: Webhook) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO webhooks (id, organization, name, event_types, resource_types, url, header_names,
            timeout_milliseconds, sealed, key_fingerprint, is_active, created_at, updated_at, failures, first_failure_at,
            last_failure_at, last_failure_cause, retry_at, paused_at, paused_reason)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
            """, Self.values(webhook))
        try subscribe(webhook)
    }

    /// Writes everything but the identifiers and the time of creation.
    package func update(_ webhook: Webhook) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhooks SET name = ?3, event_types = ?4, resource_types = ?5, url = ?6, header_names = ?7,
            timeout_milliseconds = ?8, sealed = ?9, key_fingerprint = ?10, is_active = ?11, updated_at = ?13,
            failures = ?14, first_failure_at = ?15, last_failure_at = ?16, last_failure_cause = ?17, retry_at = ?18,
            paused_at = ?19, paused_reason = ?20 WHERE id = ?1 AND organization = ?2 AND created_at = ?12
            """, Self.values(webhook))
        try unsubscribe(webhook.id)
        try subscribe(webhook)
    }

    private func subscribe(_ webhook: Webhook) throws(DatabaseError) {
        guard webhook.isActive else { return }
        for kind in webhook.kinds {
            try transaction.execute(
                "INSERT INTO webhook_subscriptions (organization, kind, webhook_id) VALUES (?1, ?2, ?3)",
                [.init(webhook.organization), .init(kind), .init(webhook.id)])
        }
    }

    private func unsubscribe(_ id: WebhookID) throws(DatabaseError) {
        try transaction.execute("DELETE FROM webhook_subscriptions WHERE webhook_id = ?1", [.init(id)])
    }

    /// Takes a webhook away, and with it what waits for it and what is known of its deliveries.
    package func delete(_ id: WebhookID) throws(DatabaseError) {
        try unsubscribe(id)
        try transaction.execute("DELETE FROM webhook_deliveries WHERE webhook_id = ?1", [.init(id)])
        try transaction.execute("DELETE FROM webhooks WHERE id = ?1", [.init(id)])
    }

    /// - Parameter identifier: an identifier or a name.
    package func find(_ organization: InternalID, _ identifier: String) throws(DatabaseError) -> Webhook? {
        if let webhook = try find(WebhookID(rawValue: identifier)), webhook.organization == organization {
            return webhook
        }
        return try transaction.first(
            "SELECT \(Self.columns) FROM webhooks w WHERE w.organization = ?1 AND w.name = ?2",
            [.init(organization), .init(identifier)], Self.decode)
    }

    package func find(_ id: WebhookID) throws(DatabaseError) -> Webhook? {
        try transaction.first("SELECT \(Self.columns) FROM webhooks w WHERE w.id = ?1", [.init(id)], Self.decode)
    }

    /// All of an organization, newest first; they are few.
    package func list(_ organization: InternalID) throws(DatabaseError) -> [Webhook] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM webhooks w WHERE w.organization = ?1
            ORDER BY w.created_at DESC, w.id DESC
            """, [.init(organization)], Self.decode)
    }

    /// Stops sending to a webhook until its owner switches it on again.
    func pause(_ webhook: Webhook, reason: String, now: Timestamp) throws(DatabaseError) {
        var paused = webhook
        paused.isActive = false
        (paused.health.pausedAt, paused.health.pausedReason) = (now, reason)
        try update(paused)
    }
}

extension Transaction {
    package var webhooks: WebhookStore { WebhookStore(self) }
}
