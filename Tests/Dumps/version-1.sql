-- A database of schema version 1, as "sqlite3 FILE .dump" writes it, with an event of every kind in it.
PRAGMA application_id = 1347699532;
BEGIN TRANSACTION;
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
        ) STRICT, WITHOUT ROWID;
INSERT INTO "api_keys" VALUES('key_0000000000000001','int_0123456789ABCDEFGHIJKL','usr_0000000000000001','main','','df701b32514adac249dd2c4920a9f1244595f148024452990aaabd1f1473956a','sk_first','admin,delete,read,write',NULL,NULL,NULL,1767225600000,NULL,NULL);
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
        ) STRICT;
INSERT INTO "audit_events" VALUES('aud_0000000000000001','int_0123456789ABCDEFGHIJKL',1767225600000,'key_0000000000000001','upload_accepted','upload','upl_0000000000000001',NULL,'{"credits":1}','req_1');
CREATE TABLE blobs (
            organization TEXT NOT NULL REFERENCES organizations (internal_id),
            sha256 TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            reference_count INTEGER NOT NULL CHECK (reference_count >= 0),
            PRIMARY KEY (organization, sha256)
        ) STRICT, WITHOUT ROWID;
INSERT INTO "blobs" VALUES('int_0123456789ABCDEFGHIJKL','480c2336b410f1ad5f8bf1b28944490255804b65350c527787e74ebdd511e3a4',7,1);
INSERT INTO "blobs" VALUES('int_0123456789ABCDEFGHIJKL','b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41',6,2);
INSERT INTO "blobs" VALUES('int_0123456789ABCDEFGHIJKL','f152945b358aa26a9e72e25381deff94e254c547089bd690dccd218e9414d148',5,1);
CREATE TABLE credit_accounts (
            organization TEXT NOT NULL PRIMARY KEY REFERENCES organizations (internal_id),
            version INTEGER NOT NULL,
            period_start INTEGER NOT NULL,
            period_end INTEGER NOT NULL,
            allowance_used INTEGER NOT NULL CHECK (allowance_used >= 0),
            purchased INTEGER NOT NULL CHECK (purchased >= 0),
            held INTEGER NOT NULL CHECK (held >= 0),
            CHECK (period_start < period_end)
        ) STRICT, WITHOUT ROWID;
INSERT INTO "credit_accounts" VALUES('int_0123456789ABCDEFGHIJKL',20,1767139200000,1769817600000,5,5,3);
CREATE TABLE credit_holds (
            id TEXT NOT NULL PRIMARY KEY,
            organization TEXT NOT NULL REFERENCES credit_accounts (organization),
            upload_id TEXT NOT NULL,
            node TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
INSERT INTO "credit_holds" VALUES('hold_0000000000000007','int_0123456789ABCDEFGHIJKL','upl_0000000000000007','node_00000000001',3,1767225607000,1767312000000);
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
        ) STRICT;
INSERT INTO "credit_ledger" VALUES(1,'int_0123456789ABCDEFGHIJKL',1767225600000,'grant',1767139200000,0,5,0,NULL,NULL,0,'initial');
INSERT INTO "credit_ledger" VALUES(2,'int_0123456789ABCDEFGHIJKL',1767225601000,'hold',1767139200000,0,0,1,'hold_0000000000000001','upl_0000000000000001',0,NULL);
INSERT INTO "credit_ledger" VALUES(3,'int_0123456789ABCDEFGHIJKL',1767225601001,'capture',1767139200000,1,0,-1,'hold_0000000000000001','upl_0000000000000001',6,NULL);
INSERT INTO "credit_ledger" VALUES(4,'int_0123456789ABCDEFGHIJKL',1767225602000,'hold',1767139200000,0,0,1,'hold_0000000000000002','upl_0000000000000002',0,NULL);
INSERT INTO "credit_ledger" VALUES(5,'int_0123456789ABCDEFGHIJKL',1767225602001,'capture',1767139200000,1,0,-1,'hold_0000000000000002','upl_0000000000000002',7,NULL);
INSERT INTO "credit_ledger" VALUES(6,'int_0123456789ABCDEFGHIJKL',1767225603000,'hold',1767139200000,0,0,1,'hold_0000000000000003','upl_0000000000000003',0,NULL);
INSERT INTO "credit_ledger" VALUES(7,'int_0123456789ABCDEFGHIJKL',1767225603001,'capture',1767139200000,1,0,-1,'hold_0000000000000003','upl_0000000000000003',6,NULL);
INSERT INTO "credit_ledger" VALUES(8,'int_0123456789ABCDEFGHIJKL',1767225604000,'hold',1767139200000,0,0,1,'hold_0000000000000004','upl_0000000000000004',0,NULL);
INSERT INTO "credit_ledger" VALUES(9,'int_0123456789ABCDEFGHIJKL',1767225604001,'capture',1767139200000,1,0,-1,'hold_0000000000000004','upl_0000000000000004',5,NULL);
INSERT INTO "credit_ledger" VALUES(10,'int_0123456789ABCDEFGHIJKL',1767225605000,'hold',1767139200000,0,0,1,'hold_0000000000000005','upl_0000000000000005',0,NULL);
INSERT INTO "credit_ledger" VALUES(11,'int_0123456789ABCDEFGHIJKL',1767225605001,'release',1767139200000,0,0,-1,'hold_0000000000000005','upl_0000000000000005',0,'rejected');
INSERT INTO "credit_ledger" VALUES(12,'int_0123456789ABCDEFGHIJKL',1767225606000,'hold',1767139200000,0,0,1,'hold_0000000000000006','upl_0000000000000006',0,NULL);
INSERT INTO "credit_ledger" VALUES(13,'int_0123456789ABCDEFGHIJKL',1767225606001,'capture',1767139200000,1,0,-1,'hold_0000000000000006','upl_0000000000000006',5,NULL);
INSERT INTO "credit_ledger" VALUES(14,'int_0123456789ABCDEFGHIJKL',1767225607000,'hold',1767139200000,0,0,3,'hold_0000000000000007','upl_0000000000000007',0,NULL);
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
        ) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency_records" VALUES('int_0123456789ABCDEFGHIJKL','order-1','upl_0000000000000001','node_00000000001','complete','252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111',201,'{}',1767225601000);
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
        ) STRICT, WITHOUT ROWID;
INSERT INTO "organizations" VALUES('int_0123456789ABCDEFGHIJKL','org_FirstVersi0','Küche & Söhne',NULL,NULL,NULL,'{"team":"α"}','pro',NULL,'{}','{"upload":7}','{}',1,1,NULL,0,31,1767225600000,1767225600000,NULL,1);
CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL);
INSERT INTO "schema_version" VALUES(1,1767225600000);
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
        ) STRICT;
INSERT INTO "uploads" VALUES('upl_0000000000000001','int_0123456789ABCDEFGHIJKL','default','picture-1.jpg','image/jpeg','image/jpeg',6,'b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41','COMPLETED','scanned','{}',1,'{"decision": "accepted", "reason": "clean", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41", "score": 0.02, "frames_total": 1, "frames_scanned": 1, "model": {"name": "open-nsfw", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "preprocessing": "1"}}','clean',0.02,'key_0000000000000001',1767225601000,NULL);
INSERT INTO "uploads" VALUES('upl_0000000000000002','int_0123456789ABCDEFGHIJKL','default','picture-2.jpg','image/jpeg','image/jpeg',7,'480c2336b410f1ad5f8bf1b28944490255804b65350c527787e74ebdd511e3a4','COMPLETED','unscanned','{}',1,'{"decision": "accepted", "reason": "classifier_unavailable", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "480c2336b410f1ad5f8bf1b28944490255804b65350c527787e74ebdd511e3a4"}','classifier_unavailable',NULL,'key_0000000000000001',1767225602000,NULL);
INSERT INTO "uploads" VALUES('upl_0000000000000003','int_0123456789ABCDEFGHIJKL','default','picture-3.jpg','image/jpeg','image/jpeg',6,'b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41','COMPLETED','scanned','{}',1,'{"decision": "accepted", "reason": "clean", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41", "score": 0.02, "frames_total": 1, "frames_scanned": 1, "model": {"name": "open-nsfw", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "preprocessing": "1"}}','clean',0.02,'key_0000000000000001',1767225603000,NULL);
INSERT INTO "uploads" VALUES('upl_0000000000000004','int_0123456789ABCDEFGHIJKL','default','picture-4.jpg','image/jpeg','image/jpeg',5,'f152945b358aa26a9e72e25381deff94e254c547089bd690dccd218e9414d148','QUARANTINED','scanned','{}',1,'{"decision": "quarantined", "reason": "nsfw", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "f152945b358aa26a9e72e25381deff94e254c547089bd690dccd218e9414d148", "score": 0.97, "frames_total": 1, "frames_scanned": 1, "model": {"name": "open-nsfw", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "preprocessing": "1"}}','nsfw',0.97,'key_0000000000000001',1767225604000,NULL);
INSERT INTO "uploads" VALUES('upl_0000000000000005','int_0123456789ABCDEFGHIJKL','default','picture-5.jpg','image/jpeg','image/jpeg',8,'cb10ab9da8784ab28ccc42d1ad46a58bdbdf01cccf24f71a1b54dad858433f3e','REJECTED','scanned','{}',0,'{"decision": "rejected", "reason": "nsfw", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "cb10ab9da8784ab28ccc42d1ad46a58bdbdf01cccf24f71a1b54dad858433f3e", "score": 0.99, "frames_total": 1, "frames_scanned": 1, "model": {"name": "open-nsfw", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "preprocessing": "1"}}','nsfw',0.99,'key_0000000000000001',1767225605000,NULL);
INSERT INTO "uploads" VALUES('upl_0000000000000006','int_0123456789ABCDEFGHIJKL','default','picture-6.jpg','image/jpeg','image/jpeg',5,'4b9f2c32577beb1ebc8ab2a1e226faaa9176a81cd4eedbaa22f8a0db919972b5','DELETED','scanned','{}',1,'{"decision": "accepted", "reason": "clean", "threshold": 0.8, "plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false, "scanned_at": 1767225600000, "elapsed_ms": 12.5, "sha256": "4b9f2c32577beb1ebc8ab2a1e226faaa9176a81cd4eedbaa22f8a0db919972b5", "score": 0.01, "frames_total": 1, "frames_scanned": 1, "model": {"name": "open-nsfw", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "preprocessing": "1"}}','clean',0.01,'key_0000000000000001',1767225606000,1767225660000);
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
        ) STRICT, WITHOUT ROWID;
INSERT INTO "users" VALUES('usr_0000000000000001','int_0123456789ABCDEFGHIJKL','a@example.org','A','admin','active',NULL,'{}',1767225600000,1767225600000);
CREATE INDEX organizations_by_time ON organizations (created_at, internal_id);
CREATE INDEX users_by_time ON users (organization, created_at, id);
CREATE INDEX api_keys_by_time ON api_keys (organization, created_at, id);
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (user_id, name) WHERE revoked_at IS NULL;
CREATE INDEX credit_holds_by_expiry ON credit_holds (expires_at);
CREATE INDEX credit_ledger_captures ON credit_ledger (organization, at) WHERE kind = 'capture';
CREATE INDEX credit_ledger_by_organization ON credit_ledger (organization, id);
CREATE TRIGGER credit_ledger_no_update BEFORE UPDATE ON credit_ledger
        BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END;
CREATE TRIGGER credit_ledger_no_delete BEFORE DELETE ON credit_ledger
        BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END;
CREATE INDEX uploads_by_time ON uploads (organization, created_at, id);
CREATE INDEX uploads_by_bucket ON uploads (organization, bucket, created_at, id);
CREATE INDEX uploads_by_status ON uploads (organization, status, created_at, id);
CREATE INDEX uploads_by_media_type ON uploads (organization, media_type, created_at, id);
CREATE INDEX uploads_by_hash ON uploads (organization, sha256);
CREATE INDEX uploads_unscanned ON uploads (organization, media_type, created_at, id)
        WHERE scan_state = 'unscanned' AND status = 'COMPLETED';
CREATE INDEX blobs_unreferenced ON blobs (organization, sha256) WHERE reference_count = 0;
CREATE INDEX audit_events_by_time ON audit_events (organization, at, id);
CREATE INDEX idempotency_records_by_time ON idempotency_records (created_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('credit_ledger',14);
COMMIT;
