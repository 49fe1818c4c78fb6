extension SQLiteSchema {
    static let bucketUploads = uploadTable + uploadCounts + uploadTexts + tasks

    private static let uploadTable = [
        // announced_size is what the client said, size what is known best; node confirms it, while it is PROCESSING.
        // search_text is the file's name and the values of its metadata, a line each,
        // in lower case.
        """
        CREATE TABLE bucket_uploads (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            created_at INTEGER NOT NULL,
            key_id TEXT NOT NULL,
            bucket TEXT NOT NULL,
            filename TEXT NOT NULL,
            content_type TEXT NOT NULL,
            announced_size INTEGER CHECK (announced_size > 0),
            size INTEGER CHECK (size > 0),
            file_hash TEXT,
            metadata TEXT NOT NULL,
            search_text TEXT NOT NULL,
            options TEXT NOT NULL,
            secret TEXT NOT NULL,
            hold_id TEXT,
            status TEXT NOT NULL CHECK (status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED')),
            message TEXT,
            expires_at INTEGER NOT NULL,
            received_size INTEGER,
            received_hash TEXT,
            received_at INTEGER,
            completed_at INTEGER,
            task_id TEXT,
            node TEXT
        ) STRICT
        """,
        "CREATE INDEX bucket_uploads_by_time ON bucket_uploads (organization, bucket, created_at, id)",
        "CREATE INDEX bucket_uploads_by_status ON bucket_uploads (organization, bucket, status, created_at, id)",
        "CREATE INDEX bucket_uploads_by_size ON bucket_uploads (organization, bucket, size, id)",
        "CREATE INDEX bucket_uploads_by_name ON bucket_uploads (organization, bucket, filename, id)",
        "CREATE INDEX bucket_uploads_by_expiry ON bucket_uploads (expires_at) WHERE status = 'PENDING'",
        "CREATE INDEX bucket_uploads_by_node ON bucket_uploads (node) WHERE status = 'PROCESSING'",
    ]

    // How many uploads of each status a bucket has, and their bytes, so that a list of a million tells it at once.
    private static let uploadCounts = [
        """
        CREATE TABLE bucket_upload_counts (
            organization TEXT NOT NULL,
            bucket TEXT NOT NULL,
            status TEXT NOT NULL,
            uploads INTEGER NOT NULL CHECK (uploads >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0),
            PRIMARY KEY (organization, bucket, status)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TRIGGER bucket_uploads_counted AFTER INSERT ON bucket_uploads
        BEGIN
            INSERT INTO bucket_upload_counts VALUES (NEW.organization, NEW.bucket, NEW.status, 1, COALESCE(NEW.size, 0))
            ON CONFLICT DO UPDATE SET uploads = uploads + 1, bytes = bytes + excluded.bytes;
        END
        """,
        """
        CREATE TRIGGER bucket_uploads_recounted AFTER UPDATE OF status, size ON bucket_uploads
        WHEN OLD.status IS NOT NEW.status OR OLD.size IS NOT NEW.size
        BEGIN
            UPDATE bucket_upload_counts SET uploads = uploads - 1, bytes = bytes - COALESCE(OLD.size, 0)
            WHERE organization = OLD.organization AND bucket = OLD.bucket AND status = OLD.status;
            INSERT INTO bucket_upload_counts VALUES (NEW.organization, NEW.bucket, NEW.status, 1, COALESCE(NEW.size, 0))
            ON CONFLICT DO UPDATE SET uploads = uploads + 1, bytes = bytes + excluded.bytes;
        END
        """,
    ]

    // Trigrams find any part of a text of three characters or more without reading every row. The text never changes,
    // and rows stay, so the index keeps no copy of it. A schema that is not trusted may not write it by a trigger.
    private static let uploadTexts = [
        """
        CREATE TABLE bucket_upload_metadata (
            organization TEXT NOT NULL,
            bucket TEXT NOT NULL,
            path TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('text', 'number', 'boolean', 'null', 'object')),
            text TEXT NOT NULL,
            number REAL,
            upload_id TEXT NOT NULL,
            PRIMARY KEY (organization, bucket, path, kind, text, upload_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE INDEX bucket_upload_metadata_by_number
        ON bucket_upload_metadata (organization, bucket, path, number) WHERE number IS NOT NULL
        """,
        "CREATE INDEX bucket_upload_metadata_by_upload ON bucket_upload_metadata (upload_id, path)",
        "CREATE VIRTUAL TABLE bucket_upload_texts USING fts5 (text, content = '', tokenize = 'trigram')",
    ]

    private static let tasks = [
        """
        CREATE TABLE tasks (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            type TEXT NOT NULL,
            bucket TEXT NOT NULL,
            key_id TEXT NOT NULL,
            request_id TEXT NOT NULL,
            node TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            status TEXT NOT NULL
                CHECK (status IN ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED')),
            inputs TEXT NOT NULL,
            outputs TEXT
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX tasks_unfinished ON tasks (node, created_at) WHERE status IN ('PENDING', 'IN_PROGRESS')",
        "CREATE INDEX tasks_by_time ON tasks (created_at)",
    ]
}
