import Admission
import BlobStore
import Charge
import Crypto
import Database
import DatabaseSQLite
import Domain
import TestSupport
import Testing

/// Credits and idempotency keys of uploads, with a clock that the test moves.
@Suite("Admission over time")
struct AdmissionTests {
    /// Moves the clock to `seconds` before the end of the running period.
    private func approachPeriodEnd(_ books: Books, seconds: Int64) throws -> Timestamp {
        let end = try #require(books.balance()?.period.end)
        books.time.advance(seconds: end.seconds - books.time.now().seconds - seconds)
        return end
    }

    private func change(_ books: Books, _ change: @escaping @Sendable (inout Organization) -> Void) async throws {
        let (id, now) = (books.organization.internalID, books.time.now())
        let changed = try await books.database.write { transaction throws(DatabaseError) in
            try transaction.organizations.update(id, now: now, change)?.after
        }
        #expect(changed != nil)
    }

    private func expire(_ books: Books) async throws -> Int {
        let now = books.time.now()
        return try await books.database.write { transaction throws(DatabaseError) in
            try transaction.credits.expireHolds(now: now)
        }
    }

    @Test("A repeat gets the first answer for 24 hours; after that it runs anew, and is charged anew")
    func idempotencyExpires() async throws {
        let books = try await Books()
        let first = try await books.upload("content", key: "key")
        func admit() async throws -> CreditAdmission.Outcome {
            try await books.credits.admit(7, as: RandomID.uploadID(), of: books.caller, idempotencyKey: "key")
        }
        books.time.advance(seconds: 24 * 3_600 - 1)
        guard case .replay(let answer) = try await admit() else {
            Issue.record("the answer was forgotten early")
            return
        }
        #expect(answer.upload == first.id && answer.status == 201)
        #expect(try books.balance()?.held == 0)
        books.time.advance(seconds: 1)
        let second = try await books.upload("content", key: "key")
        #expect(second.id != first.id)
        #expect(try books.balance()?.allowanceUsed == 2)
        #expect(try books.verify().differences == [])
    }

    @Test(
        "While the first request under a key runs, a repeat is told so; when its answer is not kept, the next one runs")
    func idempotencyInProgress() async throws {
        let books = try await Books()
        let id = RandomID.uploadID()
        guard
            case .held(let hold) = try await books.credits.admit(
                1, as: id, of: books.caller, idempotencyKey: "key")
        else {
            Issue.record("not held")
            return
        }
        let failure = await #expect(throws: Failure.self) {
            _ = try await books.credits.admit(1, as: RandomID.uploadID(), of: books.caller, idempotencyKey: "key")
        }
        #expect(failure?.code == .idempotencyInProgress && failure?.retryAfterSeconds == 1)
        try await hold.release(.aborted)
        try await books.credits.abandon(idempotencyKey: "key", of: id, books.caller)
        try await books.upload("content", key: "key")
        #expect(try books.balance()?.allowanceUsed == 1)
        #expect(try books.verify().differences == [])
    }

    @Test("A hold that nobody closes expires at its time; the upload it belonged to cannot be charged any more")
    func orphanedHold() async throws {
        let books = try await Books()
        let before = try #require(books.balance()?.available)
        let id = RandomID.uploadID()
        guard
            case .held(var hold) = try await books.credits.admit(
                5_000_000, as: id, of: books.caller, idempotencyKey: nil)
        else {
            Issue.record("not held")
            return
        }
        #expect(try books.balance()?.available == before - 5)
        books.time.advance(seconds: 3_599)
        #expect(try await expire(books) == 0)
        books.time.advance(seconds: 1)
        #expect(try await expire(books) == 1)
        #expect(try books.balance()?.available == before)
        let late = await #expect(throws: Failure.self) { try await hold.grow(toCover: 9_000_000) }
        #expect(late?.code == .deadlineExceeded)
        let file = try books.blobs.makeSpoolFile(id)
        try file.append([1])
        let sha256 = file.finish()
        let record = UploadRecord(
            id: id, organization: books.organization.internalID, bucket: "default", filename: "a",
            declaredContentType: "a/b", mediaType: .other, size: 1, sha256: sha256, status: .completed,
            scanState: .skipped, metadata: [:], credits: 1, receipt: books.receipt(sha256, .notAnImage),
            key: books.caller.key.id, createdAt: books.time.now())
        let entry = UploadEntry(
            record: record, organization: books.organization.id, hold: hold.id, requestID: "r", idempotency: nil)
        let failure = await #expect(throws: Failure.self) { try await books.uploads.accept(entry, file: file) }
        #expect(failure?.code == .deadlineExceeded)
        // Releasing it as well, as the pipeline does, changes nothing.
        try await hold.release(.aborted)
        try file.discard()
        #expect(try books.find(id) == nil)
        #expect(try books.balance()?.available == before)
        #expect(try books.verify().differences == [])
    }

    // The period ends in the middle of uploads: each is charged to the period in which it is captured, and the new
    // allowance is neither spent by the old period nor given twice.
    @Test("At midnight the period rolls over under load, and every credit is in one period or the other")
    func rollover() async throws {
        let books = try await Books()
        try await change(books) { $0.monthlyAllowanceOverride = .limited(40) }
        let end = try approachPeriodEnd(books, seconds: 2)
        let before = try #require(books.balance()?.period)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for client in 0..<8 {
                group.addTask {
                    var all = true
                    for round in 0..<8 {
                        if client == 0 && round == 4 { books.time.advance(seconds: 3) }
                        do { try await books.upload("client \(client) round \(round)") } catch { all = false }
                    }
                    return all
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let (old, new, balance) = try books.database.read { transaction throws(DatabaseError) in
            let id = books.organization.internalID
            let now = books.time.now()
            let next = BillingPeriod(containing: now, cycleStart: 1)
            return (
                try transaction.credits.usage(of: id, in: before), try transaction.credits.usage(of: id, in: next),
                try transaction.credits.balance(of: id, now: now)
            )
        }
        #expect(books.time.now() >= end)
        #expect(old.credits <= 40 && new.credits <= 40)
        #expect(balance?.allowanceUsed == new.credits && balance?.held == 0)
        #expect(balance?.period.start == end)
        // Two periods of 40 credits are enough for 64 uploads only if both were used.
        #expect(outcomes.contains(true))
        let uploads = try books.database.read { transaction throws(DatabaseError) in
            try transaction.uploads.list(books.organization.internalID, limit: 100).items.count
        }
        #expect(old.credits + new.credits == Int64(uploads))
        #expect(try books.verify().differences == [])
    }

    @Test("A hold of the old period that is captured in the new one spends the new allowance, once")
    func holdAcrossMidnight() async throws {
        let books = try await Books()
        try await change(books) { $0.monthlyAllowanceOverride = .limited(3) }
        try await books.upload("before")
        _ = try approachPeriodEnd(books, seconds: 1)
        guard
            case .held(let hold) = try await books.credits.admit(
                2_000_000, as: RandomID.uploadID(), of: books.caller, idempotencyKey: nil)
        else {
            Issue.record("not held")
            return
        }
        books.time.advance(seconds: 1)
        // The hold is still open: of the new three credits two are taken.
        #expect(try books.balance()?.available == 1)
        try await books.upload("one is left")
        let refused = await #expect(throws: Failure.self) { try await books.upload("none is left") }
        #expect(refused?.code == .insufficientCredits)
        try await hold.release(.rejected)
        #expect(try books.balance()?.available == 2)
        #expect(try books.verify().differences == [])
    }

    @Test("A tier that changes between hold and capture changes what may follow, not what was held")
    func tierChange() async throws {
        let books = try await Books(tier: .pro)
        let id = RandomID.uploadID()
        guard
            case .held(let hold) = try await books.credits.admit(
                2_000_000_000, as: id, of: books.caller, idempotencyKey: nil)
        else {
            Issue.record("not held")
            return
        }
        // 1,908 of 100,000 are held; FREE has 1,000 in all.
        try await change(books) { $0.tier = .free }
        #expect(try books.balance()?.available == 1_000 - 1_908)
        let refused = await #expect(throws: Failure.self) { try await books.upload("more") }
        #expect(refused?.code == .insufficientCredits)
        let (holdID, now) = (hold.id, books.time.now())
        let capture = try await books.database.write { transaction throws(DatabaseError) in
            try transaction.credits.captureHold(holdID, amount: 1_000, bytes: 1_048_576_000, now: now)
        }
        guard case .captured(let charge) = capture else {
            Issue.record("\(capture)")
            return
        }
        #expect(charge.amount == 1_000 && charge.balance.available == 0)
        try await change(books) { $0.tier = .enterprise }
        #expect(try books.balance()?.available == nil)
        try await books.upload("unlimited")
        #expect(try books.balance()?.allowanceUsed == 1_001)
        try await change(books) { $0.tier = .team }
        #expect(try books.balance()?.available == 1_000_000 - 1_001)
    }

    @Test("Automatic billing goes past the allowance, and turning it off refuses what follows")
    func autoBilling() async throws {
        let books = try await Books()
        try await change(books) {
            $0.monthlyAllowanceOverride = .limited(1)
            $0.autoBillingEnabled = true
        }
        for index in 0..<4 { try await books.upload("past \(index)") }
        #expect(try books.balance()?.available == -3)
        try await change(books) { $0.autoBillingEnabled = false }
        let refused = await #expect(throws: Failure.self) { try await books.upload("refused") }
        #expect(refused?.code == .insufficientCredits)
        _ = try approachPeriodEnd(books, seconds: 0)
        // What went past it is not carried over.
        #expect(try books.balance()?.available == 1)
        try await books.upload("next month")
        #expect(try books.verify().differences == [])
    }
}
