package import Domain

/// The organizations. A deleted one keeps its row, because ledger, audit events and uploads refer to it, and is found
/// by nothing here any more.
package struct OrganizationStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// Inserts the organization and opens its credit account, whose first billing period contains `createdAt`.
    package func insert(_ organization: Organization) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO organizations
            (internal_id, id, created_at, name, logo_url, billing_email, notifications_email, metadata, tier,
            infrastructure, rate_limits, rate_limit_overrides, default_llm_credentials, nsfw_check_enabled,
            nsfw_fail_closed, monthly_allowance, auto_billing_enabled, billing_cycle_start, updated_at,
            read_auditing_enabled, notifications_email_status, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, 1)
            """,
            [.init(organization.internalID), .init(organization.id), .init(organization.createdAt)]
                + organization.mutableColumns)
        try CreditLedger(transaction).openAccount(for: organization)
    }

    package func find(_ id: OrganizationID) throws(DatabaseError) -> Organization? {
        try transaction.first(
            "SELECT \(Organization.columns) FROM organizations o WHERE o.id = ?1 AND o.deleted_at IS NULL",
            [.init(id)], Organization.decode)
    }

    package func find(_ internalID: InternalID) throws(DatabaseError) -> Organization? {
        try transaction.first(
            "SELECT \(Organization.columns) FROM organizations o WHERE o.internal_id = ?1 AND o.deleted_at IS NULL",
            [.init(internalID)], Organization.decode)
    }

    package func exists(_ internalID: InternalID) throws(DatabaseError) -> Bool {
        try transaction.count(
            "SELECT COUNT(*) FROM organizations WHERE internal_id = ?1 AND deleted_at IS NULL", [.init(internalID)])
            == 1
    }

    /// What the gate needs, read at the moment of a check; nil without such an organization.
    package func gatePolicy(_ internalID: InternalID) throws(DatabaseError) -> GatePolicy? {
        try transaction.first(
            """
            SELECT CASE WHEN infrastructure IS NULL THEN 1 ELSE 0 END, nsfw_check_enabled, nsfw_fail_closed
            FROM organizations WHERE internal_id = ?1 AND deleted_at IS NULL
            """, [.init(internalID)]
        ) { row throws(DatabaseError) in
            GatePolicy(
                plane: try row.bool() ? .shared : .dedicated,
                settings: GateSettings(checkEnabled: try row.bool(), failClosed: try row.bool()))
        }
    }

    /// Newest first.
    package func list(after cursor: PageCursor? = nil, limit: Int = 100) throws(DatabaseError) -> Page<Organization> {
        let limit = Page<Organization>.clamped(limit)
        let rows = try transaction.query(
            """
            SELECT \(Organization.columns) FROM organizations o
            WHERE o.deleted_at IS NULL AND (o.created_at, o.internal_id) < (?1, ?2)
            ORDER BY o.created_at DESC, o.internal_id DESC LIMIT ?3
            """,
            [.init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""), .init(limit + 1)], Organization.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.createdAt, id: $0.internalID.rawValue) }
    }

    /// Reads the organization, lets `change` alter it, and writes it back, so that two concurrent changes of
    /// different fields both take effect. Sets `updatedAt`.
    ///
    /// Tier, allowance and cycle may change in the middle of a billing period: what was used stays used, and a new
    /// cycle day begins with the next period.
    /// - Returns: the organization before and after, nil without such an organization.
    package func update(
        _ internalID: InternalID, now: Timestamp, _ change: (inout Organization) -> Void
    ) throws(DatabaseError) -> (before: Organization, after: Organization)? {
        // Another process may write between our read and our write; the version tells, and we read again.
        for _ in 0..<optimisticAttempts {
            let found = try transaction.first(
                """
                SELECT o.version, \(Organization.columns) FROM organizations o
                WHERE o.internal_id = ?1 AND o.deleted_at IS NULL
                """, [.init(internalID)]
            ) { row throws(DatabaseError) in (version: try row.integer(), organization: try Organization.decode(&row)) }
            guard let (version, before) = found else { return nil }
            var after = before
            change(&after)
            after.updatedAt = now
            if after.billingCycleStart != before.billingCycleStart {
                try CreditLedger(transaction).settlePeriod(of: internalID, now: now)
            }
            let written = try transaction.execute(
                """
                UPDATE organizations SET name = ?3, logo_url = ?4, billing_email = ?5, notifications_email = ?6,
                metadata = ?7, tier = ?8, infrastructure = ?9, rate_limits = ?10, rate_limit_overrides = ?11,
                default_llm_credentials = ?12, nsfw_check_enabled = ?13, nsfw_fail_closed = ?14,
                monthly_allowance = ?15, auto_billing_enabled = ?16, billing_cycle_start = ?17, updated_at = ?18,
                read_auditing_enabled = ?19, notifications_email_status = ?20, version = version + 1
                WHERE internal_id = ?1 AND version = ?2
                """, [.init(internalID), .init(version)] + after.mutableColumns)
            guard written == 1 else { continue }
            if after.monthlyAllowance != before.monthlyAllowance {
                try CreditLedger(transaction).reviewThresholds(of: internalID, now: now)
            }
            // What waits was held back by a mail that never arrived.
            if before.notificationsEmailStatus != nil, after.notificationsEmailStatus == nil {
                try transaction.alerts.hurry(internalID, now: now)
            }
            return (before, after)
        }
        throw .busy("the organization changed at every attempt to change it")
    }

    /// Marks the organization deleted, revokes its keys and takes its webhooks away; uploads in flight still finish, and nothing new begins.
    /// - Returns: false without such an organization.
    package func delete(_ internalID: InternalID, now: Timestamp) throws(DatabaseError) -> Bool {
        let deleted = try transaction.execute(
            """
            UPDATE organizations SET deleted_at = ?2, updated_at = ?2, version = version + 1
            WHERE internal_id = ?1 AND deleted_at IS NULL
            """, [.init(internalID), .init(now)])
        guard deleted == 1 else { return false }
        try transaction.execute(
            "UPDATE api_keys SET revoked_at = ?2 WHERE organization = ?1 AND revoked_at IS NULL",
            [.init(internalID), .init(now)])
        // Nobody is told anything any more, and what there was to tell is the organization's own.
        for table in ["webhook_deliveries", "webhook_subscriptions", "webhooks", "events"] {
            try transaction.execute("DELETE FROM \(table) WHERE organization = ?1", [.init(internalID)])
        }
        try transaction.alerts.forget(internalID)
        // The upkeep removes what is beyond this, so that nobody's write waits behind a long deletion.
        try transaction.verdicts.remove(of: internalID, limit: 1_000)
        return true
    }
}

extension Transaction {
    package var organizations: OrganizationStore { OrganizationStore(self) }
}

/// How often a compare-and-set is tried. Another process must win between our two statements each time.
let optimisticAttempts = 16
