package import Domain

/// Webhooks against what they are told of, and deliveries against what they belong to.
extension Reconciliation {
    /// Webhooks whose subscriptions are not those that they should have: one for each kind while they are active.
    package func subscriptionMismatches(
        _ body: (WebhookID, OrganizationID, _ missing: Set<EventKind>, _ stray: Set<EventKind>)
            throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "webhooks",
            """
            SELECT o.id, \(WebhookStore.columns) FROM webhooks w JOIN organizations o ON o.internal_id = w.organization
            """
        ) { row throws(DatabaseError) in
            let organization = try row.value(OrganizationID.self)
            let webhook = try WebhookStore.decode(&row)
            let found = Set(
                try transaction.query(
                    "SELECT kind FROM webhook_subscriptions WHERE webhook_id = ?1 AND organization = ?2",
                    [.init(webhook.id), .init(webhook.organization)]
                ) { row throws(DatabaseError) in try row.value(EventKind.self) })
            let wanted = webhook.isActive ? webhook.kinds : []
            guard found != wanted else { return }
            try body(webhook.id, organization, wanted.subtracting(found), found.subtracting(wanted))
        }
    }

    /// Subjects of which deliveries wait for a webhook, and none of them may be sent.
    package func stuckSubjects(
        _ body: (WebhookID, _ subject: String) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "webhook_deliveries",
            """
            SELECT webhook_id, subject FROM webhook_deliveries WHERE status = 'pending'
            GROUP BY webhook_id, subject HAVING SUM(is_first) = 0
            """
        ) { row throws(DatabaseError) in try body(try row.value(), try row.text()) }
    }

    /// Deliveries whose webhook or event is another organization's, or gone.
    package func strayDeliveries(_ body: (DeliveryID) throws(DatabaseError) -> Void) throws(DatabaseError) {
        try forEach(
            "webhook_deliveries",
            """
            SELECT d.id FROM webhook_deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id
            LEFT JOIN events e ON e.sequence = d.event_sequence
            WHERE w.organization IS NULL OR e.organization IS NULL OR w.organization <> d.organization
            OR e.organization <> d.organization OR e.subject <> d.subject
            """
        ) { row throws(DatabaseError) in try body(try row.value()) }
    }
}
