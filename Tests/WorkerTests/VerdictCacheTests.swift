import Database
import Domain
import Gate
import TestSupport
import Testing
import WorkerPool

@Suite("The same bytes again, before workers that do what files say")
struct VerdictCacheTests {
    @Test("Bytes that were scanned are not scanned again; the receipt tells when they were")
    func hit() async throws {
        let fixture = try await GateFixture()
        let first = try await fixture.check("score 0.3")
        #expect(first.receipt.reason == .clean && !first.receipt.isCached && first.verdict != nil)
        fixture.advance(days: 3)
        let second = try await fixture.check("score 0.3")
        #expect(second.receipt.isCached && second.receipt.reason == .clean)
        #expect(second.receipt.scan == first.receipt.scan && second.receipt.model == first.receipt.model)
        #expect(second.receipt.scannedAt == first.receipt.scannedAt)
        #expect(fixture.scans == 1 && fixture.lookUps("hit") == 1 && fixture.lookUps("miss") == 1)
    }

    @Test("The same bytes of another organization or of another type are scanned")
    func strangers() async throws {
        let fixture = try await GateFixture()
        _ = try await fixture.check("score 0.3")
        let other = try await fixture.check("score 0.3", organization: 1)
        let jpeg = try await fixture.check("score 0.3", .jpeg)
        #expect(!other.receipt.isCached && !jpeg.receipt.isCached)
        #expect(fixture.scans == 3)
    }

    @Test("Sixteen that bring the same bytes at once wait for one scan")
    func together() async throws {
        let fixture = try await GateFixture(workers: 2)
        let checks = try await withThrowingTaskGroup(of: GateCheck.self) { group in
            for _ in 0..<16 { group.addTask { try await fixture.check("score 0.9 300") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(checks.count == 16)
        #expect(checks.allSatisfy { $0.receipt.reason == .nsfw && $0.isVerdict && $0.receipt.scan?.score == 0.9 })
        #expect(fixture.scans == 1)
        #expect(fixture.lookUps("miss") == 1 && (fixture.lookUps("wait") ?? 0) + (fixture.lookUps("hit") ?? 0) == 15)
        #expect(try fixture.kept() == 1)
    }

    // The first frame at or above the threshold ends a scan: what lies behind it is not known.
    @Test("Under another threshold the score answers as long as it says the same; the decision is made anew")
    func thresholds() async throws {
        let fixture = try await GateFixture()
        #expect(try await fixture.check("score 0.9").receipt.reason == .nsfw)
        fixture.setThreshold(0.5)
        let lower = try await fixture.check("score 0.9")
        #expect(lower.receipt.reason == .nsfw && lower.receipt.isCached && lower.receipt.threshold == 0.5)
        fixture.setThreshold(0.95)
        let higher = try await fixture.check("score 0.9")
        #expect(higher.receipt.reason == .clean && !higher.receipt.isCached)
        #expect(fixture.scans == 2)
        // Now every frame was looked at.
        fixture.setThreshold(0.8)
        let again = try await fixture.check("score 0.9")
        #expect(again.receipt.reason == .nsfw && again.receipt.isCached)
        #expect(fixture.scans == 2)
    }

    @Test("A file that breaks its workers is refused to all that wait for it, and never remembered")
    func crash() async throws {
        let fixture = try await GateFixture(workers: 2)
        let checks = try await withThrowingTaskGroup(of: GateCheck.self) { group in
            for _ in 0..<4 { group.addTask { try await fixture.check("crash") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(checks.allSatisfy { $0.receipt.reason == .unscannable && !$0.isVerdict && $0.verdict == nil })
        #expect(try fixture.kept() == 0)
        let before = fixture.scans
        let again = try await fixture.check("crash")
        #expect(again.receipt.reason == .unscannable && !again.receipt.isCached)
        #expect(fixture.scans == before + 1)
    }

    // What ended the one scan is its own: whoever waited for it must neither be cancelled with it nor hang.
    @Test("Where the one that scans is cancelled, one of those that wait takes its place")
    func cancelledLeader() async throws {
        let fixture = try await GateFixture()
        let occupant = try await fixture.hold(organization: 1)
        let leader = Task { try await fixture.check("score 0.2") }
        try await fixture.workers.wait { $0.queued == 1 }
        let waiters = (0..<3).map { _ in Task { try await fixture.check("score 0.2") } }
        try await Task.sleep(for: .milliseconds(50))
        leader.cancel()
        #expect(try await leader.value.receipt.reason == .classifierUnavailable)
        #expect(try await occupant.letGo().receipt.reason == .clean)
        for waiter in waiters {
            let check = try await waiter.value
            #expect(check.receipt.reason == .clean && check.isVerdict)
        }
        // The occupant's, the cancelled one and one more.
        #expect(fixture.scans == 3)
    }

    @Test("Cancelling one that waits leaves the scan and the others alone")
    func cancelledWaiter() async throws {
        let fixture = try await GateFixture()
        let leader = try await fixture.hold()
        let (leaving, staying) = (
            Task { try await fixture.check(GateFixture.heldText) },
            Task { try await fixture.check(GateFixture.heldText) }
        )
        try await Task.sleep(for: .milliseconds(50))
        leaving.cancel()
        let left = try await leaving.value
        #expect(left.receipt.reason == .classifierUnavailable && left.verdict == nil)
        #expect(try await leader.letGo().receipt.reason == .clean)
        #expect(try await staying.value.receipt.reason == .clean)
        #expect(fixture.scans == 1)
    }

    @Test("Where no worker answers in time, those that wait get their own answer, and do not hang")
    func timeout() async throws {
        let fixture = try await GateFixture { $0.queueWaitMilliseconds = 300 }
        let occupant = try await fixture.hold(organization: 1)
        let checks = try await withThrowingTaskGroup(of: GateCheck.self) { group in
            for _ in 0..<5 { group.addTask { try await fixture.check("score 0.2") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(checks.allSatisfy { $0.receipt.reason == .classifierUnavailable && !$0.isVerdict })
        _ = try await occupant.letGo()
        // A machine that is busy may need more than that time for it.
        var later = try await fixture.check("score 0.2")
        for _ in 0..<50 where later.receipt.reason != .clean { later = try await fixture.check("score 0.2") }
        #expect(later.receipt.reason == .clean && !later.receipt.isCached)
    }

    @Test("In an outage what is known still decides; in a drill it does not")
    func outage() async throws {
        let fixture = try await GateFixture()
        _ = try await fixture.check("score 0.9")
        fixture.workers.pool.setOutOfService(true)
        let drill = try await fixture.check("score 0.9")
        #expect(drill.receipt.reason == .classifierUnavailable && !drill.receipt.isCached)
        fixture.workers.pool.setOutOfService(false)
        await fixture.workers.pool.shutDown()
        let outage = try await fixture.check("score 0.9")
        #expect(outage.receipt.reason == .nsfw && outage.receipt.isCached)
        #expect(try await fixture.check("score 0.8").receipt.reason == .classifierUnavailable)
    }

    @Test("A verdict answers until it is too old, and is removed then")
    func age() async throws {
        let fixture = try await GateFixture(retentionDays: 30)
        _ = try await fixture.check("score 0.3")
        fixture.advance(days: 29)
        #expect(try await fixture.check("score 0.3").receipt.isCached)
        #expect(try await fixture.sweep.run() == 0)
        fixture.advance(days: 1)
        #expect(try await !fixture.check("score 0.3", keeps: false).receipt.isCached)
        #expect(try await fixture.sweep.run() == 1)
        #expect(try fixture.kept() == 0)
    }

    @Test("Without retention every upload is scanned, and what was kept before is removed")
    func off() async throws {
        let fixture = try await GateFixture(retentionDays: 0)
        let known = try await GateFixture().check("score 0.3")
        let verdict = try #require(known.verdict)
        let subject = verdict.subject
        let kept = ScanVerdict(
            ScanSubject(
                organization: fixture.organizations[0].internalID, sha256: subject.sha256, mediaType: .png,
                scanner: subject.scanner), verdict.result, under: 0.8, at: verdict.scannedAt)
        try await fixture.database.write { transaction throws(DatabaseError) in try transaction.verdicts.keep(kept) }
        for _ in 0..<2 {
            let check = try await fixture.check("score 0.3")
            #expect(!check.receipt.isCached && check.verdict == nil)
        }
        #expect(fixture.scans == 2 && fixture.lookUps("hit") == 0)
        #expect(try await fixture.sweep.run() == 1)
        #expect(try fixture.kept() == 0)
    }

    @Test("Of more than the limit the oldest go")
    func limit() async throws {
        let fixture = try await GateFixture(maximumVerdicts: 3)
        for index in 0..<5 {
            _ = try await fixture.check("score 0.\(index)")
            fixture.advance(days: 1)
        }
        #expect(try await fixture.sweep.run() == 2)
        #expect(try fixture.kept() == 3)
    }
}
