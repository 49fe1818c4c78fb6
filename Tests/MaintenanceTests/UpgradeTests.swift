import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import Maintenance
import TestSupport
import Testing

@Suite("Data of earlier versions")
struct UpgradeTests {
    private let now = Timestamp(milliseconds: 1_767_300_000_000)
    private let organization = OrganizationID(rawValue: "org_FirstVersi0")
    private let internalID = InternalID(rawValue: "int_0123456789ABCDEFGHIJKL")

    /// The data directory that the dump belongs to.
    private func firstVersion() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try Books.run(Repository.text("Tests/Dumps/version-1.sql"), on: directory.path("portcullis.db"))
        for content in ["first\n", "second\n", "late\n"] {
            let sha256 = SHA256.hash(of: content)
            let url = URL(filePath: try BlobInspection(directory: directory.path).path(of: sha256, organization))
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: url)
        }
        return directory
    }

    @Test("A database of version 1 is brought up to date with everything that it holds, and its books agree")
    func upgrade() async throws {
        let directory = try firstVersion()
        let database = try SQLiteDatabase(path: directory.path("portcullis.db"), now: now)
        defer { database.close() }
        let (differences, report) = try Books.verify(directory.path, now: now)
        #expect(differences == [])
        #expect(report.uploads == 6 && report.holds == 1 && report.contents == 3 && report.ledgerRows == 14)
        let (internalID, now) = (internalID, now)
        try await database.write { transaction throws(DatabaseError) in
            let found = try transaction.organizations.find(internalID)
            #expect(found?.name == "Küche & Söhne" && found?.metadata == ["team": "α"])
            #expect(found?.gate == GateSettings(checkEnabled: true, failClosed: true))
            #expect(found?.readAuditingEnabled == false)
            let change = try transaction.organizations.update(internalID, now: now) { $0.readAuditingEnabled = true }
            #expect(change?.after.readAuditingEnabled == true)
            #expect(try transaction.apiKeys.caller(hash: SHA256.hash(of: "sk_first"))?.key.name == "main")
            #expect(try transaction.audit.find(internalID, id: "aud_0000000000000001")?.origin == nil)
            let balance = try transaction.credits.balance(of: internalID, now: now)
            #expect(balance?.allowanceUsed == 5 && balance?.purchased == 5 && balance?.held == 3)
            // What was quarantined before there was a quarantine is in it now.
            let quarantined = try transaction.quarantine.list().items
            #expect(quarantined.map(\.upload.filename) == ["picture-4.jpg"])
            let answer = try transaction.idempotency.begin(
                internalID, key: "order-1", owner: RandomID.uploadID(), node: "n", now: now)
            guard case .complete(let kept) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(kept.upload.rawValue == "upl_0000000000000001")
        }
    }

    @Test("Looking at an older database changes nothing, and says what to do")
    func older() throws {
        let directory = try firstVersion()
        let before = try Data(contentsOf: directory.url("portcullis.db"))
        let error = #expect(throws: DatabaseError.self) {
            _ = try SQLiteInspection(path: directory.path("portcullis.db"))
        }
        guard case .olderSchema(found: 1, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("start this build's service once") == true)
        #expect(try Data(contentsOf: directory.url("portcullis.db")) == before)
    }

    @Test("A newer database is refused with a message that names both versions")
    func newer() async throws {
        let books = try await Books()
        try await books.tamper("INSERT INTO schema_version VALUES (99, 0)")
        for open in [
            { _ = try SQLiteInspection(path: books.directory.path("portcullis.db")) },
            { _ = try SQLiteDatabase(path: books.directory.path("portcullis.db"), now: self.now) },
        ] {
            let error = #expect(throws: DatabaseError.self) { try open() }
            #expect(error?.description.contains("has schema version 99, and this build knows versions up to") == true)
        }
    }
}
