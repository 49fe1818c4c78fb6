import Admission
import BlobStore
import Charge
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import Maintenance
import Synchronization
import TestSupport

/// A clock that a test moves.
final class ManualTime: TimeSource {
    private let moment: Mutex<Timestamp>
    init(_ start: Timestamp) { moment = Mutex(start) }
    func now() -> Timestamp { moment.withLock { $0 } }
    func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
}

/// A data directory with the steps that keep its books, and no server.
final class Books: Sendable {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    let blobs: LocalBlobStore
    /// Begins with the machine's own time, which files have too.
    let time = ManualTime(Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)))
    let uploads: UploadRegister
    let quarantine: QuarantineRegister
    let credits: CreditAdmission
    let caller: Caller
    private let receipts = Atomic<Int64>(0)

    init(retentionDays: Int = 30, tier: Tier = .pro) async throws {
        directory = try TemporaryDirectory()
        let now = time.now()
        database = try SQLiteDatabase(path: directory.path("portcullis.db"), now: now)
        blobs = try LocalBlobStore(directory: directory.path)
        uploads = UploadRegister(database: database, blobs: blobs, time: time, retentionDays: retentionDays)
        quarantine = QuarantineRegister(database: database, blobs: blobs, time: time)
        credits = CreditAdmission(database: database, time: time, node: blobs.nodeID, holdSeconds: 3_600)
        let organization = Organization(
            internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Books", tier: tier,
            createdAt: now, updatedAt: now)
        let user = User(
            id: RandomID.userID(), organization: organization.internalID, email: "a@example.org", name: "A",
            role: .admin, createdAt: now, updatedAt: now)
        let key = APIKey(
            id: RandomID.keyID(), organization: organization.internalID, user: user.id, name: "main",
            hash: SHA256.hash(of: "secret"), prefix: "sk_", permissions: Set(Permission.allCases), createdAt: now)
        caller = Caller(organization: organization, key: key)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(organization)
            _ = try transaction.users.insert(user)
            _ = try transaction.apiKeys.insert(key)
        }
    }

    var organization: Organization { caller.organization }

    /// One upload, from its hold to the books.
    @discardableResult
    func upload(
        _ content: String, reason: Finding = .clean, scanState: ScanState = .scanned, key: String? = nil
    ) async throws -> UploadRecord {
        let id = RandomID.uploadID()
        let file = try blobs.makeSpoolFile(id)
        try file.append(Array(content.utf8))
        let isRejected = reason == .nsfw
        let sha256 = file.finish()
        let admission = try await credits.admit(file.size, as: id, of: caller, idempotencyKey: key)
        guard case .held(let hold) = admission else { throw SupportError("not admitted: \(admission)") }
        let record = UploadRecord(
            id: id, organization: organization.internalID, bucket: "default", filename: "a.jpg",
            declaredContentType: "image/jpeg", mediaType: .jpeg, size: file.size, sha256: sha256,
            status: isRejected ? .rejected : .completed, scanState: scanState, metadata: [:],
            credits: isRejected ? 0 : Credits.cost(ofBytes: file.size), receipt: receipt(sha256, reason),
            key: caller.key.id, createdAt: time.now())
        let entry = UploadEntry(
            record: record, organization: organization.id, hold: hold.id, requestID: "req_1",
            idempotency: key.map {
                IdempotencyEntry(key: $0, fingerprint: sha256, status: 201, body: "{}", isKept: true)
            }, verdict: verdict(of: record))
        if !isRejected || uploads.retainsRejected { try await blobs.store(file, organization: organization.id) }
        if isRejected {
            try await uploads.reject(entry, retaining: uploads.retainsRejected ? file : nil)
        } else {
            try await uploads.accept(entry, file: file)
        }
        try file.discard()
        return record
    }

    /// What the scan that the record's receipt is of found.
    private func verdict(of record: UploadRecord) -> ScanVerdict? {
        guard let scan = record.receipt.scan else { return nil }
        let subject = ScanSubject(
            organization: record.organization, sha256: record.sha256, mediaType: record.mediaType,
            scanner: ScannerIdentity(
                model: ModelIdentity(name: "m", sha256: "", preprocessing: "1"), fingerprint: SHA256.hash(of: "m")))
        return ScanVerdict(
            subject, .scored(scan), under: record.receipt.threshold, at: record.receipt.scannedAt)
    }

    static let announcedID = UploadID(rawValue: "upl_announced")

    /// An announced upload whose bytes have arrived.
    func announce(_ content: String, hold: HoldID? = nil) async throws {
        let (organization, now) = (organization.internalID, time.now())
        let announcement = UploadAnnouncement(
            bucket: "b", filename: "a.txt", contentType: "text/plain", size: nil, expirationSeconds: 3_600,
            fileHash: nil, skipDuplicates: false, metadata: [:], objectMetadata: nil, createObjectOnConfirm: false,
            blobProperty: nil, blobType: nil, namespace: nil)
        let upload = BucketUpload(
            id: Self.announcedID, organization: organization, createdAt: now, key: caller.key.id,
            announcement: announcement, secret: [1], hold: hold, expiresAt: now.adding(seconds: 3_600))
        let file = try blobs.openStaged(upload.id)
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe try file.append(Array(content.utf8).span.bytes)
        let received = ReceivedContent(size: file.size, sha256: try file.finish(), at: now)
        let isReceived = try await database.write { transaction throws(DatabaseError) in
            try transaction.bucketUploads.insert(upload)
            return try transaction.bucketUploads.receive(upload.id, received, hold: nil, expiresAt: now)
        }
        guard isReceived else { throw SupportError("the announced upload was not received") }
    }

    func receipt(_ sha256: ContentHash, _ reason: Finding) -> DecisionReceipt {
        let decision: GateDecision = reason == .nsfw ? .rejected : .accepted
        // No two scans of the same bytes are at the same time.
        let scannedAt = time.now().adding(milliseconds: receipts.wrappingAdd(1, ordering: .relaxed).newValue)
        return DecisionReceipt(
            decision: decision, reason: reason,
            scan: reason == .clean || reason == .nsfw
                ? ScanScore(score: reason == .nsfw ? 0.99 : 0.1, framesTotal: 1, framesScanned: 1) : nil,
            threshold: 0.8, policy: GatePolicy(plane: .shared, settings: GateSettings()), scannedAt: scannedAt,
            elapsedMilliseconds: 1, sha256: sha256)
    }

    /// An upload that a late scan took out of service.
    func quarantined(
        _ content: String, isVerdict: Bool = true, nextScanAt: Timestamp? = nil
    ) async throws -> UploadRecord {
        let record = try await upload(content, reason: .classifierUnavailable, scanState: .unscanned)
        var found = receipt(record.sha256, isVerdict ? .nsfw : .unscannable)
        found.decision = .quarantined
        _ = try await uploads.settle(
            record, receipt: found, scanState: isVerdict ? .scanned : .unscanned, nextScanAt: nextScanAt)
        return record
    }

    func delete(_ record: UploadRecord) async throws {
        try await uploads.delete(record, organization: organization.id, by: caller.key.id, requestID: "req_2")
    }

    func find(_ id: UploadID) throws -> UploadRecord? {
        try database.read { transaction throws(DatabaseError) in
            try transaction.uploads.find(organization.internalID, id: id)
        }
    }

    func balance() throws -> CreditBalance? {
        try database.read { transaction throws(DatabaseError) in
            try transaction.credits.balance(of: organization.internalID, now: time.now())
        }
    }

    /// The path of a content's file.
    func path(_ record: UploadRecord) throws -> String {
        try BlobInspection(directory: directory.path).path(of: record.sha256, organization.id)
    }

    /// Changes what no code of the service would change.
    func tamper(_ statements: String...) async throws {
        try await database.write { transaction throws(DatabaseError) in
            let triggers = try transaction.query(
                "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'credit_ledger_no_%'", []
            ) { row throws(DatabaseError) in try row.text() }
            for statement in [
                "DROP TRIGGER IF EXISTS credit_ledger_no_update",
                "DROP TRIGGER IF EXISTS credit_ledger_no_delete", "PRAGMA defer_foreign_keys = ON",
            ] + statements + triggers {
                try transaction.execute(statement, [])
            }
        }
    }

    /// The same with another program, which enforces no references between tables.
    func outside(_ statements: String) throws { try Self.run(statements, on: directory.path("portcullis.db")) }

    static func run(_ statements: String, on database: String) throws {
        let program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])"
        let outcome = try ChildProcess.run("/usr/bin/env", ["python3", "-c", program, database, statements])
        guard outcome.status == .exited(0) else { throw SupportError("python3: \(outcome.errorText)") }
    }

    /// Runs the verifier as the command does, on the database as another process sees it.
    func verify(
        readsContent: Bool = true, in directory: String? = nil
    ) throws -> (differences: [String], report: VerificationReport) {
        try Self.verify(directory ?? self.directory.path, readsContent: readsContent, now: time.now())
    }

    static func verify(
        _ path: String, readsContent: Bool = true, now: Timestamp
    ) throws -> (differences: [String], report: VerificationReport) {
        let lines = Lines()
        let inspection = try SQLiteInspection(path: path + "/portcullis.db")
        defer { inspection.close() }
        let verifier = Verifier(
            database: inspection, files: BlobInspection(directory: path), readsContent: readsContent, now: now
        ) { difference in lines.all.withLock { $0.append(difference.line) } }
        let report = try verifier.run(problems: try inspection.problems())
        return (lines.all.withLock { $0 }, report)
    }

    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }
}
