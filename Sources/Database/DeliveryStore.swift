internal import Crypto
internal import Domain

/// Events on their way to webhooks.
package struct DeliveryStore {
    let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// Puts an event on its way, due at once.
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
            (id, organization, webhook_id, event_sequence, subject, created_at, status, attempts, next_attempt_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', 0, ?6)
            """,
            [
                .init(id), .init(organization), .init(webhook), .init(sequence), .init(subject), .init(now),
            ])
        return id
    }
}

extension Transaction {
    package var deliveries: DeliveryStore { DeliveryStore(self) }
}
