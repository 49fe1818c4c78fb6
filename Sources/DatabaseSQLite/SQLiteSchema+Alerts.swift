extension SQLiteSchema {
    static let alerts = [
        // What is known of the address's health, a JSON object; NULL for no known problem.
        "ALTER TABLE organizations ADD COLUMN notifications_email_status TEXT",
        // What is still to be told.
        """
        CREATE TABLE alerts (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            data TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX alerts_by_kind ON alerts (organization, kind, sequence)",
        "CREATE INDEX alerts_by_time ON alerts (created_at)",
        // When the next mail of a kind may go to an organization: there is a row wherever an alert waits, and for as long
        // as the last mail keeps the next one back. Whoever has the lease sends it.
        """
        CREATE TABLE alert_mails (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            kind TEXT NOT NULL,
            next_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL CHECK (attempts >= 0),
            lease TEXT,
            lease_until INTEGER,
            PRIMARY KEY (organization, kind),
            CHECK ((lease IS NULL) = (lease_until IS NULL))
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX alert_mails_due ON alert_mails (next_at)",
        // An outage as an organization's uploads met it on one node.
        """
        CREATE TABLE gate_outages (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            node TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            unscanned INTEGER NOT NULL CHECK (unscanned >= 0),
            refused INTEGER NOT NULL CHECK (refused >= 0),
            told_at INTEGER,
            PRIMARY KEY (organization, node)
        ) STRICT, WITHOUT ROWID
        """,
        // Which keys' expiry was told, so many days ahead.
        """
        CREATE TABLE key_expiry_alerts (
            key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
            expires_at INTEGER NOT NULL,
            days INTEGER NOT NULL,
            PRIMARY KEY (key_id, expires_at, days)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL",
    ]
}
