package import Domain

/// Alerts against the plan of the mails that tell them.
extension Reconciliation {
    /// Kinds of alerts of an organization that no mail is planned for, and alerts of one that was deleted.
    package func strayAlerts(
        _ body: (OrganizationID, String, Int) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        try forEach(
            "alerts",
            """
            SELECT o.id, a.kind, COUNT(*) FROM alerts a JOIN organizations o ON o.internal_id = a.organization
            WHERE o.deleted_at IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM alert_mails m WHERE m.organization = a.organization AND m.kind = a.kind)
            GROUP BY o.id, a.kind
            """
        ) { row throws(DatabaseError) in try body(try row.value(), try row.text(), try row.int()) }
    }
}
