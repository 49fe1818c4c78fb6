internal import Crypto
package import Domain

/// Events on their way to webhooks.
package struct DeliveryStore {
    let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    static let columns = """
        d.id, d.webhook_id, d.created_at, d.status, d.attempts, d.next_attempt_at, d.last_attempt_at, d.finished_at, \
        d.response_status, d.response_excerpt, d.last_error, \(EventStore.columns)
        """
    static let tables = """
        webhook_deliveries d JOIN events e ON e.sequence = d.event_sequence
        JOIN organizations o ON o.internal_id = d.organization
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> Delivery {
        let (id, webhook) = (try row.value(DeliveryID.self), try row.value(WebhookID.self))
        let (created, status) = (try row.timestamp(), try row.value(Delivery.Status.self))
        let (attempts, next) = (try row.int(), try row.optionalTimestamp())
        let (last, finished) = (try row.optionalTimestamp(), try row.optionalTimestamp())
        let (response, excerpt) = (try row.optionalInteger(), try row.optionalText())
        let error = try row.optionalText()
        return Delivery(
            id: id, webhook: webhook, event: try EventStore.decode(&row), createdAt: created, status: status,
            attempts: attempts, nextAttemptAt: next, lastAttemptAt: last, finishedAt: finished,
            responseStatus: response.map { Int($0) }, responseExcerpt: excerpt, lastError: error)
    }

    /// Puts an event on its way, due at once, behind whatever waits about the same subject.
    /// - Parameter sequence: the event's.
    @discardableResult
    func insert(
        of sequence: Int64, about subject: String, to webhook: WebhookID, of organization: InternalID,
        at now: Timestamp
    ) throws(DatabaseError) -> DeliveryID {
        let id = RandomID.deliveryID()
        try transaction.execute(
            """
            INSERT INTO webhook_deliveries
            (id, organization, webhook_id, event_sequence, subject, created_at, status, attempts, next_attempt_at,
            is_first)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', 0, ?6, NOT EXISTS (
                SELECT 1 FROM webhook_deliveries x WHERE x.webhook_id = ?3 AND x.subject = ?5 AND x.status = 'pending'))
            """,
            [
                .init(id), .init(organization), .init(webhook), .init(sequence), .init(subject), .init(now),
            ])
        return id
    }

    /// Lets the oldest of what waits about a subject be sent, after the one before it is over.
    func promote(_ subject: String, of webhook: WebhookID) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET is_first = 1 WHERE id = (
                SELECT id FROM webhook_deliveries WHERE webhook_id = ?1 AND subject = ?2 AND status = 'pending'
                ORDER BY event_sequence LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_id = ?1 AND subject = ?2 AND is_first = 1)
            """, [.init(webhook), .init(subject)])
    }

    /// Makes what waits for its next attempt due: the reason to wait is gone.
    package func hasten(_ webhook: WebhookID, now: Timestamp) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE webhook_deliveries SET next_attempt_at = ?2
            WHERE webhook_id = ?1 AND is_first = 1 AND next_attempt_at > ?2
            """, [.init(webhook), .init(now)])
    }

    package func find(_ id: DeliveryID, of webhook: WebhookID) throws(DatabaseError) -> Delivery? {
        try transaction.first(
            "SELECT \(Self.columns) FROM \(Self.tables) WHERE d.id = ?1 AND d.webhook_id = ?2",
            [.init(id), .init(webhook)], Self.decode)
    }

    /// Newest first.
    package func list(
        _ webhook: WebhookID, status: Delivery.Status? = nil, after cursor: PageCursor? = nil, limit: Int = 100
    ) throws(DatabaseError) -> Page<Delivery> {
        let limit = Page<Delivery>.clamped(limit)
        let condition = status == nil ? "" : " AND d.status = ?5"
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM \(Self.tables)
            WHERE d.webhook_id = ?1 AND (d.created_at, d.id) < (?2, ?3)\(condition)
            ORDER BY d.created_at DESC, d.id DESC LIMIT ?4
            """,
            [
                .init(webhook), .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""), .init(limit + 1),
            ] + (status.map { [.init($0)] } ?? []), Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.createdAt, id: $0.id.rawValue) }
    }

    /// Sends an event once more, by a delivery of its own.
    package func repeated(
        _ delivery: Delivery, at now: Timestamp
    ) throws(DatabaseError) -> Delivery? {
        let event = delivery.event
        let id = try insert(
            of: event.sequence, about: event.subject, to: delivery.webhook, of: event.organization, at: now)
        return try find(id, of: delivery.webhook)
    }
}

extension Transaction {
    package var deliveries: DeliveryStore { DeliveryStore(self) }
}
