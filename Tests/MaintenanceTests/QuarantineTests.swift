import BlobStore
import Charge
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import Policy
import SystemCalls
import TestSupport
import Testing

@Suite("The quarantine's books")
struct QuarantineTests {
    private let decision = QuarantineDecision(actor: "operator", requestID: "req_9", reason: "it is a vase")

    private func events(_ books: Books, _ id: UploadID) throws -> [AuditEvent] {
        var filter = AuditFilter()
        filter.resourceID = id.rawValue
        return try books.database.read { transaction throws(DatabaseError) in
            try transaction.audit.list(books.organization.internalID, filter: filter, skip: 0, limit: 100)
        }
    }

    private func entries(
        _ books: Books, _ filter: QuarantineFilter = QuarantineFilter()
    ) throws -> [QuarantineEntry] {
        try books.database.read { transaction throws(DatabaseError) in
            try transaction.quarantine.list(filter).items
        }
    }

    @Test("A rejected upload that is released becomes an accepted one and is charged then, once")
    func releaseRejected() async throws {
        let books = try await Books()
        let record = try await books.upload("appealed", reason: .nsfw)
        #expect(try books.balance()?.allowanceUsed == 0)
        #expect(FileManager.default.fileExists(atPath: try books.path(record)))
        let released = try await books.quarantine.release(record.id, decision)
        #expect(released.status == .completed && released.credits == 1 && released.scanState == .scanned)
        #expect(released.receipt.decision == .accepted && released.receipt.reason == .nsfw)
        #expect(try books.find(record.id) == released)
        #expect(try books.balance()?.allowanceUsed == 1)
        #expect(try books.balance()?.held == 0)
        let event = try #require(events(books, record.id).first { $0.action == "upload_released" })
        #expect(event.actor == "operator" && event.requestID == "req_9")
        #expect(event.before == ["status": "REJECTED"])
        #expect(event.after == ["status": "COMPLETED", "credits": 1, "reason": "it is a vase"])
        let again = await #expect(throws: Failure.self) { try await books.quarantine.release(record.id, decision) }
        #expect(again?.code == .notFound)
        #expect(try books.verify().differences == [])
        // It is an upload like any other from here on.
        try await books.delete(released)
        #expect(!FileManager.default.fileExists(atPath: try books.path(record)))
        #expect(try books.verify().differences == [])
    }

    @Test("A release that the credits do not cover is refused and changes nothing")
    func insufficientCredits() async throws {
        let books = try await Books()
        let record = try await books.upload("appealed", reason: .nsfw)
        let organization = books.organization.internalID
        _ = try await books.database.write { transaction throws(DatabaseError) in
            try transaction.organizations.update(organization, now: Timestamp(milliseconds: 0)) {
                $0.monthlyAllowanceOverride = .limited(0)
            }?.after
        }
        let failure = await #expect(throws: Failure.self) {
            try await books.quarantine.release(record.id, decision)
        }
        #expect(failure?.code == .insufficientCredits)
        #expect(failure?.details?["required"] == 1 && failure?.details?["available"] == 0)
        #expect(try books.find(record.id) == record)
        #expect(try entries(books).count == 1)
        #expect(try books.verify().differences == [])
    }

    @Test("A quarantined upload that is released is served again and costs nothing more")
    func releaseQuarantined() async throws {
        let books = try await Books()
        let record = try await books.quarantined("late")
        #expect(try books.find(record.id)?.status == .quarantined)
        #expect(try entries(books, QuarantineFilter(status: .quarantined)).map(\.upload.id) == [record.id])
        let released = try await books.quarantine.release(record.id, decision)
        #expect(released.status == .completed && released.credits == 1)
        #expect(try books.balance()?.allowanceUsed == 1)
        // It is not taken out of service again for what it was released in spite of.
        let debt = try books.database.read { transaction throws(DatabaseError) in
            try transaction.uploads.unscannedCount()
        }
        #expect(debt == 0)
        #expect(try books.verify().differences == [])
    }

    @Test("Purging removes the content, but not what another upload has too")
    func purge() async throws {
        let books = try await Books()
        let (retained, late) = (try await books.upload("bad", reason: .nsfw), try await books.quarantined("late"))
        let shared = try await books.upload("shared", reason: .nsfw)
        let twin = try await books.upload("shared")
        for record in [retained, late, shared] { try await books.quarantine.purge(record.id, decision) }
        for record in [retained, late] {
            #expect(!FileManager.default.fileExists(atPath: try books.path(record)))
        }
        #expect(FileManager.default.fileExists(atPath: try books.path(twin)))
        #expect(try books.find(retained.id)?.status == .rejected)
        #expect(try books.find(late.id)?.status == .deleted)
        #expect(try books.balance()?.allowanceUsed == 2)
        #expect(try events(books, late.id).contains { $0.action == "upload_purged" })
        #expect(try entries(books).isEmpty)
        let gone = await #expect(throws: Failure.self) { try await books.quarantine.purge(late.id, decision) }
        #expect(gone?.code == .notFound)
        #expect(try books.verify().differences == [])
    }

    @Test("Retained content is purged when its time is over, and not a moment before")
    func retention() async throws {
        let books = try await Books(retentionDays: 30)
        let record = try await books.upload("bad", reason: .nsfw)
        _ = try await books.quarantined("late")
        books.time.advance(seconds: 30 * 86_400 - 1)
        #expect(try await books.quarantine.purgeOverdue() == 0)
        books.time.advance(seconds: 1)
        #expect(try await books.quarantine.purgeOverdue() == 1)
        #expect(!FileManager.default.fileExists(atPath: try books.path(record)))
        #expect(try events(books, record.id).first?.actor == "system")
        // What a late scan found waits for a decision, however long.
        #expect(try entries(books).count == 1)
        #expect(try books.verify().differences == [])
    }

    @Test("Without retention nothing of a rejected upload's content is kept")
    func noRetention() async throws {
        let books = try await Books(retentionDays: 0)
        let record = try await books.upload("bad", reason: .nsfw)
        #expect(!FileManager.default.fileExists(atPath: try books.path(record)))
        #expect(try entries(books).isEmpty)
        #expect(try books.verify().differences == [])
    }

    @Test("The tenant may delete a quarantined upload, which takes it out of the quarantine")
    func deleted() async throws {
        let books = try await Books()
        let record = try await books.quarantined("late")
        try await books.delete(try #require(try books.find(record.id)))
        #expect(try entries(books).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: try books.path(record)))
        #expect(try books.verify().differences == [])
    }

    // A worker that died or ran out of time says nothing for certain about the file: a machine with too much to do looks
    // the same. Such an upload is not served, and the scan is repeated.
    @Test("A late scan without a result is repeated: clean ends the quarantine, NSFW confirms it")
    func repeatedScan() async throws {
        let books = try await Books()
        let soon = books.time.now().adding(seconds: 60)
        let (clean, bad) = (
            try await books.quarantined("clean", isVerdict: false, nextScanAt: soon),
            try await books.quarantined("bad", isVerdict: false, nextScanAt: soon)
        )
        #expect(try books.find(clean.id)?.status == .quarantined)
        #expect(try books.find(clean.id)?.scanState == .unscanned)
        func due() throws -> [QuarantineEntry] {
            try books.database.read { transaction throws(DatabaseError) in
                try transaction.quarantine.dueScans(now: books.time.now(), limit: 10)
            }
        }
        #expect(try due().isEmpty)
        books.time.advance(seconds: 60)
        #expect(try Set(due().map(\.upload.id)) == [clean.id, bad.id])
        for entry in try due() {
            var receipt = books.receipt(entry.upload.sha256, entry.upload.id == bad.id ? .nsfw : .clean)
            if entry.upload.id == bad.id { receipt.decision = .quarantined }
            let noted = try await books.quarantine.noteScan(
                of: entry, receipt: receipt, scanState: .scanned, isVerdict: true, nextScanAt: nil)
            #expect(noted)
        }
        #expect(try books.find(clean.id)?.status == .completed)
        #expect(try books.find(bad.id)?.status == .quarantined)
        #expect(try books.find(bad.id)?.receipt.reason == .nsfw)
        #expect(try due().isEmpty)
        #expect(try entries(books).map(\.upload.id) == [bad.id])
        #expect(try books.verify().differences == [])
    }

    @Test("A scan that never has a result is given up, and the upload waits for the operator")
    func givenUp() async throws {
        let books = try await Books()
        var delay = try #require(GateRules.repeatDelaySeconds(afterAttempts: 1))
        let record = try await books.quarantined(
            "breaks", isVerdict: false, nextScanAt: books.time.now().adding(seconds: delay))
        var attempts = 1
        while true {
            books.time.advance(seconds: delay)
            let now = books.time.now()
            let due = try books.database.read { transaction throws(DatabaseError) in
                try transaction.quarantine.dueScans(now: now, limit: 10)
            }
            let entry = try #require(due.first)
            #expect(entry.scanAttempts == attempts)
            attempts += 1
            let next = GateRules.repeatDelaySeconds(afterAttempts: attempts)
            var receipt = books.receipt(record.sha256, .unscannable)
            receipt.decision = .quarantined
            _ = try await books.quarantine.noteScan(
                of: entry, receipt: receipt, scanState: .unscanned, isVerdict: false,
                nextScanAt: next.map { now.adding(seconds: $0) })
            guard let next else { break }
            delay = next
        }
        #expect(attempts == 6)
        let entry = try #require(try entries(books).first)
        #expect(entry.nextScanAt == nil && entry.upload.status == .quarantined)
        #expect(try await books.quarantine.release(record.id, decision).scanState == .skipped)
        #expect(try books.verify().differences == [])
    }

    // A content is shared by uploads in every state, so that its file must stay exactly as long as one of them keeps it.
    @Test("Uploads, late findings, releases, purges and deletions of the same contents never take a file from a reader")
    func storm() async throws {
        let books = try await Books()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<6 {
                group.addTask {
                    for round in 0..<25 {
                        let content = "shared \((client + round) % 3)"
                        let act = (client * 7 + round) % 5
                        if act == 0 {
                            let record = try await books.upload(content, reason: .nsfw)
                            _ = try await books.quarantine.release(record.id, decision)
                        } else if act == 1 {
                            try await books.quarantine.purge(
                                try await books.upload(content, reason: .nsfw).id, decision)
                        } else if act == 2 {
                            try await books.quarantine.purge(try await books.quarantined(content).id, decision)
                        } else {
                            try await books.delete(try await books.upload(content))
                        }
                    }
                }
            }
            // Whoever finds an upload in service can read it to its end, or finds it no longer in service.
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<150 {
                        let found = try books.database.read { transaction throws(DatabaseError) in
                            try transaction.uploads.list(
                                books.organization.internalID, filter: UploadFilter(statuses: [.completed]), limit: 3
                            ).items
                        }
                        for record in found {
                            do {
                                let blob = try books.blobs.open(books.organization.id, record.sha256)
                                let bytes = try blob.takeDescriptor().contents(at: 0, count: 100)
                                #expect(SHA256.hash(of: bytes) == record.sha256)
                            } catch {
                                let isInService = try books.find(record.id)?.status == .completed
                                #expect(!isInService, "\(record.id): \(error)")
                            }
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try books.verify().differences == [])
    }

    @Test("Of a release and a purge at the same time one happens")
    func race() async throws {
        let books = try await Books()
        for index in 0..<10 {
            let record = try await books.upload("contested \(index)", reason: .nsfw)
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for act in 0..<4 {
                    group.addTask {
                        do {
                            if act % 2 == 0 {
                                _ = try await books.quarantine.release(record.id, decision)
                            } else {
                                try await books.quarantine.purge(record.id, decision)
                            }
                            return true
                        } catch { return false }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 } == 1)
        }
        #expect(try books.verify().differences == [])
    }
}
