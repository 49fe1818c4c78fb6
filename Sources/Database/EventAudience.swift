internal import Domain

/// Who is told of the events of one kind. It is read in the transaction that makes the event true: whoever subscribes
/// later hears of what happens later.
struct EventAudience {
    /// Those that are active and subscribed to the kind.
    let webhooks: [WebhookID]

    /// Whether what happened may be told by mail.
    let hasReader: Bool

    var isEmpty: Bool { webhooks.isEmpty && !hasReader }

    /// One look into an index, which finds nothing for most organizations.
    static func read(
        _ kind: EventKind, of organization: InternalID, in transaction: any Transaction
    ) throws(DatabaseError) -> EventAudience {
        EventAudience(
            webhooks: try transaction.query(
                "SELECT webhook_id FROM webhook_subscriptions WHERE organization = ?1 AND kind = ?2 ORDER BY webhook_id",
                [.init(organization), .init(kind)]
            ) { row throws(DatabaseError) in try row.value(WebhookID.self) },
            hasReader: AlertKind.concerns(kind) ? try transaction.alerts.hasReader(organization) : false)
    }
}
