extension SQLiteSchema {
    static let events = eventTables + webhooks + deliveries

    private static let eventTables = [
        // sequence orders the events; it is never used again, so that an order once seen stays true.
        """
        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            data TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX events_by_time ON events (created_at)",
        // The thresholds that were told of in the current billing period.
        """
        CREATE TABLE credit_thresholds (
            organization TEXT NOT NULL REFERENCES credit_accounts (organization),
            period_start INTEGER NOT NULL,
            percent INTEGER NOT NULL,
            PRIMARY KEY (organization, period_start, percent)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    private static let webhooks = [
        // event_types and resource_types as they were given; sealed (hexadecimal) holds the secrets and the headers'
        // values, and key_fingerprint tells which key sealed it. The failures are those since the last success; until
        // retry_at one that fails is left in peace.
        """
        CREATE TABLE webhooks (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            name TEXT NOT NULL,
            event_types TEXT NOT NULL,
            resource_types TEXT,
            url TEXT NOT NULL,
            header_names TEXT NOT NULL,
            timeout_milliseconds INTEGER NOT NULL CHECK (timeout_milliseconds > 0),
            sealed TEXT NOT NULL,
            key_fingerprint TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            failures INTEGER NOT NULL CHECK (failures >= 0),
            first_failure_at INTEGER,
            last_failure_at INTEGER,
            last_failure_cause TEXT,
            retry_at INTEGER,
            paused_at INTEGER,
            paused_reason TEXT,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX webhooks_by_name ON webhooks (organization, name)",
        "CREATE INDEX webhooks_by_time ON webhooks (organization, created_at, id)",
        // What active webhooks are told of.
        """
        CREATE TABLE webhook_subscriptions (
            organization TEXT NOT NULL,
            kind TEXT NOT NULL,
            webhook_id TEXT NOT NULL REFERENCES webhooks (id),
            PRIMARY KEY (organization, kind, webhook_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX webhook_subscriptions_by_webhook ON webhook_subscriptions (webhook_id)",
    ]

    private static let deliveries = [
        // Whoever has the lease sends it; after lease_until anybody may.
        """
        CREATE TABLE webhook_deliveries (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            webhook_id TEXT NOT NULL REFERENCES webhooks (id),
            event_sequence INTEGER NOT NULL REFERENCES events (sequence),
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
            attempts INTEGER NOT NULL CHECK (attempts >= 0),
            next_attempt_at INTEGER,
            lease TEXT,
            lease_node TEXT,
            lease_until INTEGER,
            last_attempt_at INTEGER,
            finished_at INTEGER,
            response_status INTEGER,
            response_excerpt TEXT,
            last_error TEXT,
            CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
            CHECK ((status = 'pending') = (finished_at IS NULL)),
            CHECK ((lease IS NULL) = (lease_until IS NULL)),
            CHECK (lease IS NULL OR status = 'pending')
        ) STRICT
        """,
        """
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at, event_sequence)
        WHERE status = 'pending'
        """,
        """
        CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, subject, event_sequence)
        WHERE status = 'pending'
        """,
        """
        CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (webhook_id, event_sequence)
        WHERE status = 'pending'
        """,
        "CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (created_at) WHERE status = 'pending'",
        "CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (webhook_id, lease_until) WHERE lease IS NOT NULL",
        "CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (webhook_id, created_at, id)",
        "CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (webhook_id, status, created_at, id)",
        "CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_sequence)",
        "CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE status <> 'pending'",
        "CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization)",
    ]

    /// Of what waits for a webhook about one subject only the first may be sent. It is marked, so that what may be sent
    /// is found in an index however much waits behind it.
    static let deliveryHeads = [
        """
        ALTER TABLE webhook_deliveries ADD COLUMN is_first INTEGER NOT NULL DEFAULT 0
        CHECK (is_first IN (0, 1) AND (is_first = 0 OR status = 'pending'))
        """,
        """
        UPDATE webhook_deliveries SET is_first = 1 WHERE status = 'pending' AND id = (
            SELECT x.id FROM webhook_deliveries x WHERE x.webhook_id = webhook_deliveries.webhook_id
            AND x.subject = webhook_deliveries.subject AND x.status = 'pending' ORDER BY x.event_sequence LIMIT 1)
        """,
        "CREATE UNIQUE INDEX webhook_deliveries_first ON webhook_deliveries (webhook_id, subject) WHERE is_first = 1",
        "DROP INDEX webhook_deliveries_due",
        """
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at, event_sequence)
        WHERE is_first = 1
        """,
        "CREATE INDEX events_by_organization ON events (organization)",
    ]
}
