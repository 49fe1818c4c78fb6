internal import Database

/// The schema in SQLite's dialect. Tables are STRICT; those that are looked up by their key alone have no row number.
/// Times are milliseconds since the epoch, booleans 0 or 1, lists and objects JSON text.
enum SQLiteSchema {
    static let migrations: [Migration] = [
        Migration(version: 1, statements: tenants + credits + uploads + records),
        Migration(version: 2, statements: secretsAndOrigins),
        Migration(version: 3, statements: quarantine),
        Migration(version: 4, statements: bucketUploads),
        Migration(version: 5, statements: events),
        Migration(version: 6, statements: alerts),
        Migration(version: 7, statements: scanVerdicts),
        Migration(version: 8, statements: deliveryHeads),
        Migration(version: 9, statements: smallContents),
    ]

    private static let tenants = [
        // monthly_allowance: NULL for the tier's own, -1 for unlimited. version counts changes, for compare-and-set.
        """
        CREATE TABLE organizations (
            internal_id TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            logo_url TEXT,
            billing_email TEXT,
            notifications_email TEXT,
            metadata TEXT NOT NULL,
            tier TEXT NOT NULL CHECK (tier IN ('free', 'pro', 'team', 'enterprise')),
            infrastructure TEXT,
            rate_limits TEXT NOT NULL,
            rate_limit_overrides TEXT NOT NULL,
            default_llm_credentials TEXT NOT NULL,
            nsfw_check_enabled INTEGER NOT NULL CHECK (nsfw_check_enabled IN (0, 1)),
            nsfw_fail_closed INTEGER NOT NULL CHECK (nsfw_fail_closed IN (0, 1)),
            monthly_allowance INTEGER CHECK (monthly_allowance >= -1),
            auto_billing_enabled INTEGER NOT NULL CHECK (auto_billing_enabled IN (0, 1)),
            billing_cycle_start INTEGER NOT NULL CHECK (billing_cycle_start BETWEEN 1 AND 31),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            deleted_at INTEGER,
            version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX organizations_by_time ON organizations (created_at, internal_id)",
        """
        CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
            status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'pending')),
            avatar_url TEXT,
            metadata TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            UNIQUE (organization, email)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX users_by_time ON users (organization, created_at, id)",
        """
        CREATE TABLE api_keys (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            hash TEXT NOT NULL UNIQUE,
            prefix TEXT NOT NULL,
            permissions TEXT NOT NULL,
            rate_limit_override INTEGER CHECK (rate_limit_override > 0),
            expires_at INTEGER,
            last_used_at INTEGER,
            created_at INTEGER NOT NULL,
            created_by TEXT,
            revoked_at INTEGER
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX api_keys_by_time ON api_keys (organization, created_at, id)",
        "CREATE UNIQUE INDEX api_keys_by_name ON api_keys (user_id, name) WHERE revoked_at IS NULL",
    ]

    // Each ledger row carries what it adds to the account's counters: for every account, allowance_used =
    // Σ allowance_delta, purchased = Σ purchased_delta, held = Σ held_delta = Σ amount of its open holds. A row of kind
    // 'period' begins the period that starts at period_start, and takes back what the one before had used. Usage is
    // Σ (allowance_delta - purchased_delta) and Σ bytes over the rows of kind 'capture'.
    private static let credits = [
        """
        CREATE TABLE credit_accounts (
            organization TEXT NOT NULL PRIMARY KEY REFERENCES organizations (internal_id),
            version INTEGER NOT NULL,
            period_start INTEGER NOT NULL,
            period_end INTEGER NOT NULL,
            allowance_used INTEGER NOT NULL CHECK (allowance_used >= 0),
            purchased INTEGER NOT NULL CHECK (purchased >= 0),
            held INTEGER NOT NULL CHECK (held >= 0),
            CHECK (period_start < period_end)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE credit_holds (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES credit_accounts (organization),
            upload_id TEXT NOT NULL,
            node TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX credit_holds_by_expiry ON credit_holds (expires_at)",
        """
        CREATE TABLE credit_ledger (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            organization TEXT NOT NULL REFERENCES credit_accounts (organization),
            at INTEGER NOT NULL,
            kind TEXT NOT NULL
                CHECK (kind IN ('period', 'grant', 'hold', 'grow', 'capture', 'release', 'expire')),
            period_start INTEGER NOT NULL,
            allowance_delta INTEGER NOT NULL,
            purchased_delta INTEGER NOT NULL,
            held_delta INTEGER NOT NULL,
            hold_id TEXT,
            upload_id TEXT,
            bytes INTEGER NOT NULL CHECK (bytes >= 0),
            reason TEXT
        ) STRICT
        """,
        "CREATE INDEX credit_ledger_captures ON credit_ledger (organization, at) WHERE kind = 'capture'",
        "CREATE INDEX credit_ledger_by_organization ON credit_ledger (organization, id)",
        """
        CREATE TRIGGER credit_ledger_no_update BEFORE UPDATE ON credit_ledger
        BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END
        """,
        """
        CREATE TRIGGER credit_ledger_no_delete BEFORE DELETE ON credit_ledger
        BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END
        """,
    ]

    private static let uploads = [
        // receipt is the whole decision receipt; reason and score repeat what of it is searched for.
        """
        CREATE TABLE uploads (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            bucket TEXT NOT NULL,
            filename TEXT NOT NULL,
            declared_content_type TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            sha256 TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('COMPLETED', 'REJECTED', 'QUARANTINED', 'DELETED')),
            scan_state TEXT NOT NULL CHECK (scan_state IN ('scanned', 'unscanned', 'skipped')),
            metadata TEXT NOT NULL,
            credits INTEGER NOT NULL CHECK (credits >= 0),
            receipt TEXT NOT NULL,
            reason TEXT NOT NULL,
            score REAL,
            key_id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            deleted_at INTEGER
        ) STRICT
        """,
        "CREATE INDEX uploads_by_time ON uploads (organization, created_at, id)",
        "CREATE INDEX uploads_by_bucket ON uploads (organization, bucket, created_at, id)",
        "CREATE INDEX uploads_by_status ON uploads (organization, status, created_at, id)",
        "CREATE INDEX uploads_by_media_type ON uploads (organization, media_type, created_at, id)",
        "CREATE INDEX uploads_by_hash ON uploads (organization, sha256)",
        """
        CREATE INDEX uploads_unscanned ON uploads (organization, media_type, created_at, id)
        WHERE scan_state = 'unscanned' AND status = 'COMPLETED'
        """,
        """
        CREATE TABLE blobs (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            sha256 TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            reference_count INTEGER NOT NULL CHECK (reference_count >= 0),
            PRIMARY KEY (organization, sha256)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX blobs_unreferenced ON blobs (organization, sha256) WHERE reference_count = 0",
    ]

    private static let records = [
        """
        CREATE TABLE audit_events (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            resource_type TEXT NOT NULL,
            resource_id TEXT NOT NULL,
            before TEXT,
            after TEXT,
            request_id TEXT
        ) STRICT
        """,
        "CREATE INDEX audit_events_by_time ON audit_events (organization, at, id)",
        """
        CREATE TABLE idempotency_records (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            key TEXT NOT NULL,
            owner TEXT NOT NULL,
            node TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('in_progress', 'complete')),
            body_hash TEXT,
            status INTEGER,
            response TEXT,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (organization, key),
            CHECK (state = 'in_progress' OR (body_hash IS NOT NULL AND status IS NOT NULL AND response IS NOT NULL))
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX idempotency_records_by_time ON idempotency_records (created_at)",
    ]

    private static let secretsAndOrigins = [
        // sealed is hexadecimal; key_fingerprint tells which key sealed it.
        """
        CREATE TABLE secrets (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            name TEXT NOT NULL,
            sealed TEXT NOT NULL,
            key_fingerprint TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            PRIMARY KEY (organization, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        ALTER TABLE organizations ADD COLUMN
            read_auditing_enabled INTEGER NOT NULL DEFAULT 0 CHECK (read_auditing_enabled IN (0, 1))
        """,
        "ALTER TABLE audit_events ADD COLUMN ip_address TEXT",
        "ALTER TABLE audit_events ADD COLUMN user_agent TEXT",
        "ALTER TABLE audit_events ADD COLUMN reason TEXT",
        "ALTER TABLE audit_events ADD COLUMN actor_email TEXT",
        "ALTER TABLE audit_events ADD COLUMN actor_key_name TEXT",
    ]

    private static let quarantine = [
        // retained_until: for content that was rejected and is kept for an appeal. next_scan_at: for a late scan that
        // had no result.
        """
        CREATE TABLE quarantine (
            upload_id TEXT NOT NULL PRIMARY KEY REFERENCES uploads (id),
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            since INTEGER NOT NULL,
            retained_until INTEGER,
            scan_attempts INTEGER NOT NULL CHECK (scan_attempts >= 0),
            next_scan_at INTEGER
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX quarantine_by_time ON quarantine (since, upload_id)",
        "CREATE INDEX quarantine_by_organization ON quarantine (organization, since, upload_id)",
        "CREATE INDEX quarantine_by_retention ON quarantine (retained_until) WHERE retained_until IS NOT NULL",
        "CREATE INDEX quarantine_by_scan ON quarantine (next_scan_at) WHERE next_scan_at IS NOT NULL",
        """
        INSERT INTO quarantine (upload_id, organization, since, retained_until, scan_attempts, next_scan_at)
        SELECT id, organization, created_at, NULL, 0, NULL FROM uploads WHERE status = 'QUARANTINED'
        """,
    ]

    // scanner is the fingerprint of all that the verdict depends on beside the file. threshold_from and threshold_to: the
    // thresholds under which a scan would find the same.
    private static let scanVerdicts = [
        """
        CREATE TABLE scan_verdicts (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            sha256 TEXT NOT NULL,
            media_type TEXT NOT NULL,
            scanner TEXT NOT NULL,
            score REAL CHECK (score BETWEEN 0 AND 1),
            frames_total INTEGER,
            frames_scanned INTEGER,
            explanation TEXT,
            threshold_from REAL NOT NULL,
            threshold_to REAL NOT NULL,
            scanned_at INTEGER NOT NULL,
            pass TEXT CHECK (pass IN ('screen', 'exact')),
            PRIMARY KEY (organization, sha256, media_type, scanner),
            CHECK ((score IS NULL) <> (explanation IS NULL)),
            CHECK ((score IS NULL) = (frames_total IS NULL) AND (score IS NULL) = (frames_scanned IS NULL)
                AND (score IS NULL) = (pass IS NULL)),
            CHECK (threshold_from >= 0 AND threshold_from <= threshold_to AND threshold_to <= 1),
            CHECK (score IS NULL OR threshold_to = 1 OR (threshold_from = 0 AND threshold_to = score))
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX scan_verdicts_by_time ON scan_verdicts (scanned_at)",
    ]

    /// Contents that are too small for a file of their own. A table by itself, so that counting references does not pass
    /// over the bytes; numbered, so that a new one goes to the end.
    private static let smallContents = [
        "CREATE TABLE blob_contents (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
        "ALTER TABLE blobs ADD COLUMN content INTEGER",
    ]
}
