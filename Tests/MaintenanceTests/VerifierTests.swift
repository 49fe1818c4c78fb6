import Admission
import BlobStore
import Charge
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import Maintenance
import TestSupport
import Testing

@Suite("Verifying the books")
struct VerifierTests {
    /// Books with a bit of everything: accepted, twice the same, deleted, rejected and retained, quarantined, released,
    /// purged, in flight.
    private func eventful() async throws -> Books {
        let books = try await Books()
        try await books.upload("one", key: "key-1")
        try await books.upload("twice")
        try await books.upload("twice")
        try await books.delete(try await books.upload("deleted"))
        try await books.upload("bad", reason: .nsfw)
        _ = try await books.quarantined("late")
        let (released, purged) = (
            try await books.upload("appealed", reason: .nsfw), try await books.quarantined("purged")
        )
        _ = try await books.quarantine.release(released.id, QuarantineDecision(actor: "operator", reason: "a vase"))
        try await books.quarantine.purge(purged.id, QuarantineDecision(actor: "operator"))
        _ = try await books.credits.admit(5_000_000, as: RandomID.uploadID(), of: books.caller, idempotencyKey: nil)
        books.time.advance(seconds: 40 * 86_400)
        try await books.upload("next month")
        return books
    }

    @Test("Books that were kept by the service agree, and the report says how much was looked at")
    func clean() async throws {
        let books = try await eventful()
        let (differences, report) = try books.verify()
        #expect(differences == [])
        #expect(report.organizations == 1 && report.uploads == 9 && report.holds == 1 && report.quarantined == 2)
        // one, twice, bad, late, appealed, next month
        #expect(report.contents == 6 && report.files == 6 && report.contentsToRemove == 0)
        #expect(report.ledgerRows > 15)
        #expect(report.bytesRead == Int64("one twice bad late appealed next month".utf8.count - 5))
        #expect(report.differences == 0)
    }

    /// What is changed behind the service's back, and what the line about it says.
    struct Plant: Sendable, CustomTestStringConvertible {
        let name: String
        let line: String
        let plant: @Sendable (Books, UploadRecord) async throws -> Void
        var testDescription: String { name }
    }

    private static func sql(_ name: String, _ line: String, _ statements: String...) -> Plant {
        Plant(name: name, line: line) { books, record in
            for statement in statements {
                try await books.tamper(statement.replacingOccurrences(of: "UPLOAD", with: "'\(record.id)'"))
            }
        }
    }

    static let plants: [Plant] = [
        sql(
            "alert that no mail is planned for", "alert: upload.quarantined of org_",
            """
            INSERT INTO alerts (organization, kind, subject, created_at, data)
            SELECT internal_id, 'upload.quarantined', 'upl_x', 0, '{}' FROM organizations
            """),
        sql("counter of the allowance", "balance: account of org_", "UPDATE credit_accounts SET allowance_used = 77"),
        sql(
            "purchased counter", "purchased is 9; the ledger's rows give 0", "UPDATE credit_accounts SET purchased = 9"),
        sql("held counter", "held is 99; the open holds give", "UPDATE credit_accounts SET held = 99"),
        sql(
            "period of the account", "the period starts at",
            "UPDATE credit_accounts SET period_start = period_start + 1"),
        sql(
            "missing account", "has no credit account",
            """
            INSERT INTO organizations SELECT 'int_x', 'org_x', name, logo_url, billing_email, notifications_email,
            metadata, tier, infrastructure, rate_limits, rate_limit_overrides, default_llm_credentials,
            nsfw_check_enabled, nsfw_fail_closed, monthly_allowance, auto_billing_enabled, billing_cycle_start,
            created_at, updated_at, deleted_at, version, read_auditing_enabled,
            notifications_email_status FROM organizations LIMIT 1
            """),
        sql(
            "end of the account's period", "as none does that begins then",
            "UPDATE credit_accounts SET period_end = period_end + 86400000"),
        sql(
            "amount beyond everything in the ledger", "more than there are credits",
            "UPDATE credit_ledger SET allowance_delta = 9223372036854775807 WHERE kind = 'capture' AND upload_id = UPLOAD"
        ),
        sql(
            "grants that are beyond 64 bits together", "with it a sum is beyond 64 bits",
            """
            INSERT INTO credit_ledger (organization, at, kind, period_start, allowance_delta, purchased_delta,
            held_delta, bytes) SELECT organization, at, 'grant', period_start, 0, 4611686018427387904, 0, 0
            FROM credit_ledger ORDER BY id DESC LIMIT 3
            """),
        sql(
            "row that cannot be read", "database: row: the row upl_",
            "UPDATE uploads SET sha256 = 'short' WHERE id = UPLOAD"),
        sql(
            "receipt that cannot be read", "of uploads: the receipt's decision is",
            "UPDATE uploads SET receipt = replace(receipt, '\"accepted\"', '\"maybe\"') WHERE id = UPLOAD"),
        sql(
            "receipt about other bytes", "its receipt is about",
            """
            UPDATE uploads SET receipt = replace(receipt, sha256, substr(sha256, 2) || substr(sha256, 1, 1))
            WHERE id = UPLOAD
            """),
        sql(
            "in service against its receipt", "is COMPLETED; its receipt says rejected",
            "UPDATE uploads SET receipt = replace(receipt, '\"accepted\"', '\"rejected\"') WHERE id = UPLOAD"),
        Plant(name: "ledger that can be changed", line: "the trigger credit_ledger_no_update is missing") { books, _ in
            try books.outside("DROP TRIGGER credit_ledger_no_update")
        },
        sql(
            "amount in the ledger", "as no capture does",
            "UPDATE credit_ledger SET allowance_delta = -1 WHERE kind = 'capture' AND upload_id = UPLOAD"),
        sql(
            "charge that takes from what nobody held", "as no capture does",
            "UPDATE credit_ledger SET hold_id = NULL WHERE kind = 'capture' AND upload_id = UPLOAD"),
        sql(
            "a period that takes back too much", "which used",
            "UPDATE credit_ledger SET allowance_delta = allowance_delta - 3 WHERE kind = 'period'"),
        sql(
            "row that is gone", "was accepted and never charged",
            "DELETE FROM credit_ledger WHERE kind = 'capture' AND upload_id = UPLOAD"),
        sql(
            "row of another period", "within the one from",
            "UPDATE credit_ledger SET period_start = period_start + 1 WHERE kind = 'hold' AND upload_id = UPLOAD"),
        sql("hold that is gone", "hold: hold hold_", "DELETE FROM credit_holds"),
        sql(
            "hold that nobody placed", "in 0 placements",
            "INSERT INTO credit_holds SELECT 'hold_stray', organization, 'upl_x', 'n', 1, 0, 0 FROM credit_accounts"),
        sql("hold of another size", "it is open with 500", "UPDATE credit_holds SET amount = 500"),
        sql(
            "charge without upload", "there is no record of it",
            "UPDATE credit_ledger SET upload_id = 'upl_gone' WHERE kind = 'capture' AND upload_id = UPLOAD"),
        sql(
            "charged twice", "was charged 2 times",
            """
            INSERT INTO credit_ledger (organization, at, kind, period_start, allowance_delta, purchased_delta,
            held_delta, hold_id, upload_id, bytes) SELECT organization, at, kind, period_start, allowance_delta,
            purchased_delta, held_delta, 'hold_again', upload_id, bytes FROM credit_ledger
            WHERE kind = 'capture' AND upload_id = UPLOAD
            """),
        sql(
            "record with another price", "its record says 8 credits; the ledger charged 1",
            "UPDATE uploads SET credits = 8 WHERE id = UPLOAD"),
        sql(
            "record with another size", "the ledger charged for",
            "UPDATE uploads SET size = size + 1 WHERE id = UPLOAD"),
        sql("upload that vanished", "there is no record of it", "DELETE FROM uploads WHERE id = UPLOAD"),
        sql(
            "priced rejection", "was not accepted, and its record says 3 credits",
            "UPDATE uploads SET credits = 3 WHERE status = 'REJECTED'"),
        sql(
            "rejected after the charge", "was rejected, and charged 1",
            "UPDATE uploads SET status = 'REJECTED' WHERE id = UPLOAD"),
        sql(
            "reference count", "its reference count is 5; 1 uploads have it",
            "UPDATE blobs SET reference_count = 5 WHERE sha256 = (SELECT sha256 FROM uploads WHERE id = UPLOAD)"),
        sql(
            "content that is not in the index", "is not in the index",
            "DELETE FROM blobs WHERE sha256 = (SELECT sha256 FROM uploads WHERE id = UPLOAD)"),
        sql(
            "content of another size in the index", "its content",
            "UPDATE blobs SET size = 4 WHERE sha256 = (SELECT sha256 FROM uploads WHERE id = UPLOAD)"),
        sql(
            "quarantined without a row", "is QUARANTINED and not in the quarantine",
            "DELETE FROM quarantine WHERE retained_until IS NULL"),
        sql(
            "in quarantine and in service", "is COMPLETED and in the quarantine",
            "INSERT INTO quarantine SELECT UPLOAD, organization, 0, NULL, 0, NULL FROM credit_accounts"),
        sql(
            "answer without an upload", "an answer about it is kept",
            "UPDATE idempotency_records SET owner = 'upl_gone'"),
        sql(
            "score that is not the receipt's", "its receipt has the score 0.1; for the next upload of its bytes",
            "UPDATE scan_verdicts SET score = 0.2 WHERE score = 0.1"),
        Plant(name: "reference to nothing", line: "database: file: a row") { books, record in
            try books.outside("UPDATE uploads SET organization = 'int_gone' WHERE id = '\(record.id)'")
        },
        Plant(name: "file that is gone", line: "its file is missing") { books, record in
            try FileManager.default.removeItem(atPath: books.path(record))
        },
        Plant(name: "file that is too short", line: "its file has 3 bytes") { books, record in
            try Data("cut".utf8).write(to: URL(filePath: books.path(record)))
        },
        Plant(name: "file with other bytes", line: "its file's bytes have the hash") { books, record in
            let size = Int(record.size)
            try Data(repeating: 0x78, count: size).write(to: URL(filePath: books.path(record)))
        },
        Plant(name: "content missing from the database", line: "its bytes are missing from the database") {
            books, record in
            try books.outside("UPDATE blobs SET content = 99 WHERE sha256 = '\(record.sha256)'")
        },
        Plant(name: "content in the database that is too short", line: "the database has 3 bytes of it") {
            books, record in
            try books.outside("INSERT INTO blob_contents VALUES (99, X'637574')")
            try books.outside("UPDATE blobs SET content = 99 WHERE sha256 = '\(record.sha256)'")
        },
        Plant(name: "content in the database with other bytes", line: "its bytes in the database have the hash") {
            books, record in
            try books.outside("INSERT INTO blob_contents VALUES (99, ZEROBLOB(\(record.size)))")
            try books.outside("UPDATE blobs SET content = 99 WHERE sha256 = '\(record.sha256)'")
        },
        Plant(name: "bytes in the database that are no content's", line: "the 3 bytes of row 99 of blob_contents") {
            books, _ in
            try books.outside("INSERT INTO blob_contents VALUES (99, X'637574')")
        },
        Plant(name: "file that no upload has", line: "no upload has this content") { books, record in
            let stray = SHA256.hash(of: "stray")
            let path = try BlobInspection(directory: books.directory.path).path(of: stray, books.organization.id)
            let url = URL(filePath: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("stray".utf8).write(to: url)
        },
        Plant(name: "file with a strange name", line: "file: blobs/notes.txt: is no content") { books, _ in
            try Data("x".utf8).write(to: books.directory.url("blobs/notes.txt"))
        },
        Plant(name: "directory where a file belongs", line: "cannot be read") { books, record in
            try FileManager.default.removeItem(atPath: books.path(record))
            try FileManager.default.createDirectory(
                atPath: books.path(record), withIntermediateDirectories: false)
        },
        Plant(name: "strange file in the spool", line: "spool: spool/core: is no upload's body") { books, _ in
            try Data("x".utf8).write(to: books.directory.url("spool/core"))
        },
        Plant(name: "old file in the spool", line: "and no credits are held for it") { books, _ in
            let path = books.directory.path("spool/\(RandomID.uploadID())")
            try Data("x".utf8).write(to: URL(filePath: path))
            let old = Date(timeIntervalSince1970: Double(books.time.now().seconds - 8 * 86_400))
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        },
    ]

    static let announced: [Plant] = [
        sql("announced upload without its bytes", "its bytes are missing", "SELECT 1"),
        Plant(name: "announced upload with other bytes", line: "its bytes have the hash") { books, _ in
            try Data("staged!".utf8.reversed()).write(to: books.directory.url("staging/\(Books.announcedID)"))
        },
        Plant(name: "announced upload with fewer bytes", line: "3 bytes are there; 7 were received") { books, _ in
            try Data("sta".utf8).write(to: books.directory.url("staging/\(Books.announcedID)"))
        },
        Plant(name: "strange file in the staging", line: "staging/core: is no announced upload's bytes") { books, _ in
            try Data("x".utf8).write(to: books.directory.url("staging/core"))
        },
        sql("count of a bucket", "5 PENDING uploads", "UPDATE bucket_upload_counts SET uploads = 5"),
        sql(
            "completed without a record", "is COMPLETED; its record is missing",
            "UPDATE bucket_uploads SET status = 'COMPLETED'"),
    ]

    @Test("An open announced upload whose hold is not open, or is another's, is told; one whose hold expired is none")
    func announcedWithoutHold() async throws {
        let books = try await Books()
        let admission = try await books.credits.admit(
            7, as: Books.announcedID, of: books.caller, idempotencyKey: nil)
        guard case .held(let hold) = admission else { throw SupportError("not admitted: \(admission)") }
        try await books.announce("staged!", hold: hold.id)
        #expect(try books.verify().differences == [])
        try await books.tamper("UPDATE credit_holds SET upload_id = 'upl_other'")
        #expect(try books.verify().differences.contains { $0.contains("its hold \(hold.id) is upl_other's") })
        try await books.tamper("UPDATE credit_holds SET upload_id = '\(Books.announcedID)'")
        #expect(try books.verify().differences == [])
        let later = books.time.now().adding(seconds: 3_601)
        try await books.database.write { transaction throws(DatabaseError) in
            try transaction.credits.expireHolds(now: later)
        }
        #expect(try books.verify().differences == [])
        try await books.tamper("DELETE FROM credit_ledger WHERE kind = 'expire'")
        #expect(try books.verify().differences.contains { $0.hasSuffix("its hold \(hold.id) is not") })
    }

    @Test("A directory that nobody uses is only read: nothing is made in it, also where its path looks like a URI")
    func leavesNothing() async throws {
        let books = try await Books()
        try await books.upload("content")
        books.database.close()
        let folder = try TemporaryDirectory()
        let place = folder.path("data?mode=rw#%20")
        try FileManager.default.copyItem(atPath: books.directory.path, toPath: place)
        let before = try FileManager.default.subpathsOfDirectory(atPath: place).sorted()
        #expect(!before.contains("portcullis.db-wal"))
        #expect(try books.verify(in: place).differences == [])
        #expect(try FileManager.default.subpathsOfDirectory(atPath: place).sorted() == before)
        // Opened for the inspection alone, a file that a service takes meanwhile is not of one moment.
        let inspection = try SQLiteInspection(path: place + "/portcullis.db")
        #expect(!inspection.wasDisturbed)
        let service = try SQLiteDatabase(path: place + "/portcullis.db", now: books.time.now())
        #expect(inspection.wasDisturbed)
        let now = books.time.now()
        try await service.write { transaction throws(DatabaseError) in
            try transaction.credits.expireHolds(now: now.adding(seconds: 100_000))
            try transaction.execute("UPDATE organizations SET name = 'changed'", [])
        }
        service.close()
        #expect(!FileManager.default.fileExists(atPath: place + "/portcullis.db-wal"))
        #expect(inspection.wasDisturbed)
    }

    @Test("Each kind of difference of announced uploads is named with its place", arguments: announced)
    func plantedAnnounced(_ plant: Plant) async throws {
        let books = try await Books()
        try await books.announce("staged!")
        #expect(try books.verify().differences == [])
        if plant.line == "its bytes are missing" {
            try FileManager.default.removeItem(at: books.directory.url("staging/\(Books.announcedID)"))
        } else {
            try await plant.plant(books, try await books.upload("another"))
        }
        let (differences, _) = try books.verify()
        #expect(differences.contains { $0.contains(plant.line) }, "\(differences)")
    }

    @Test("Each kind of difference is named with its place", arguments: plants)
    func planted(_ plant: Plant) async throws {
        let books = try await eventful()
        let record = try await books.upload("the victim")
        #expect(try books.verify().differences == [])
        try await plant.plant(books, record)
        let (differences, report) = try books.verify()
        #expect(differences.contains { $0.contains(plant.line) }, "\(differences)")
        #expect(report.differences == differences.count)
    }

    @Test("Without --content only sizes are looked at")
    func sizesOnly() async throws {
        let books = try await Books()
        let record = try await books.upload("the victim")
        try Data(repeating: 0x78, count: Int(record.size)).write(to: URL(filePath: books.path(record)))
        let (differences, report) = try books.verify(readsContent: false)
        #expect(differences == [] && report.bytesRead == 0)
        #expect(try books.verify().differences.count == 1)
    }

    @Test("A file that SQLite finds damaged is told")
    func damagedIndex() async throws {
        let books = try await eventful()
        // An index that misses a row gives wrong answers without anybody noticing.
        try await books.database.write { transaction throws(DatabaseError) in
            for statement in [
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_schema SET sql = replace(sql, 'organization, sha256', 'organization, bucket') "
                    + "WHERE name = 'uploads_by_hash'", "PRAGMA writable_schema = OFF",
            ] { try transaction.execute(statement, []) }
        }
        let (differences, _) = try books.verify()
        #expect(differences.contains { $0.hasPrefix("database: file: ") }, "\(differences)")
    }

    // Files are no part of the snapshot: what is stored, deleted and stored again while the verifier runs must not look
    // like something missing or left behind.
    @Test("Beside uploads and deletions that go on, nothing looks wrong")
    func busy() async throws {
        let books = try await Books()
        for index in 0..<40 { try await books.upload("stays \(index)") }
        let running = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<4 {
                group.addTask {
                    var round = 0
                    while running.isSet {
                        // Contents that several clients have, so that their files come and go.
                        let record = try await books.upload("comes and goes \((client + round) % 3)")
                        try await books.delete(record)
                        round += 1
                    }
                }
            }
            group.addTask {
                defer { running.clear() }
                for _ in 0..<12 {
                    let (differences, report) = try books.verify()
                    #expect(differences == [])
                    #expect(report.uploads >= 40)
                }
            }
            try await group.waitForAll()
        }
        #expect(try books.verify().differences == [])
    }
}
