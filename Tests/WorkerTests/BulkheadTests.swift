import Domain
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import WorkerPool

/// What files of one organization that break, hang and eat memory do to the files of another.
@Suite("Bulkheads", .serialized)
struct BulkheadTests {
    @Test(
        "While one organization's files break or hold workers, one after the other, every file of another is scored",
        arguments: ["crash", "hang", "eat-memory"])
    func storm(_ command: String) async throws {
        let fixture = try PoolFixture.hostile(workers: 2) {
            $0.deadlineMilliseconds = 1_500
            $0.queueWaitMilliseconds = 60_000
            $0.memoryMegabytes = 64
        }
        try await fixture.waitUntilReady()
        let isOver = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while isOver.count == 0 {
                        guard case .gaveUp = try await fixture.scan(command, organization: "org_storm") else { return }
                    }
                }
            }
            // It is known by now what the organization's files do.
            while fixture.logged("scan_failed") < 2 { try await Task.sleep(for: .milliseconds(5)) }
            for _ in 0..<30 {
                guard case .scored = try await fixture.scan("score 0.1 5", organization: "org_quiet") else {
                    throw SupportError("a file of the other organization was not scored\n\(fixture.log)")
                }
                // One worker at most is theirs, or was and is being replaced.
                #expect(fixture.pool.status.live >= 1)
            }
            isOver.add()
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(!fixture.log.contains("\"organization_id\":\"org_quiet\""))
        await fixture.pool.shutDown()
    }

    /// A pool whose files may take long.
    private static func twoWorkers(queueWaitMilliseconds: Int = 120_000) async throws -> PoolFixture {
        let fixture = try PoolFixture.hostile(workers: 2) {
            $0.deadlineMilliseconds = 120_000
            $0.queueWaitMilliseconds = queueWaitMilliseconds
        }
        try await fixture.waitUntilReady()
        return fixture
    }

    // Without preemption the other organization would wait for the whole deadline, which is longer than it may wait.
    @Test("Long files of one organization on every worker make way for another's, and are scored afterwards")
    func preemption() async throws {
        let fixture = try await Self.twoWorkers()
        let long = (0..<2).map { _ in Task { try await fixture.scan("slow 2500", organization: "org_long") } }
        try await fixture.wait { $0.busy == 2 }
        let finished = Tally()
        let watch = long.map { task in
            Task {
                _ = try await task.value
                finished.add()
            }
        }
        guard case .scored = try await fixture.scan("score 0.1", organization: "org_other") else {
            throw SupportError("the other organization's file was not scored\n\(fixture.log)")
        }
        #expect(finished.count == 0, "it waited for a long file")
        for task in long {
            guard case .scored = try await task.value else { throw SupportError("\(fixture.log)") }
        }
        for task in watch { try await task.value }
        #expect(fixture.restarts("preempted") == 1)
        #expect(fixture.failures == ["crash": 0, "deadline": 0, "memory": 0], "it was nobody's failure")
        await fixture.pool.shutDown()
    }

    @Test("Files that wait too long behind their own organization's failures are held back; that is no outage")
    func heldBack() async throws {
        let fixture = try PoolFixture.hostile(workers: 2) {
            $0.deadlineMilliseconds = 30_000
            $0.queueWaitMilliseconds = 500
        }
        try await fixture.waitUntilReady()
        #expect(try await fixture.scan("crash") == .gaveUp(.crash, "the image broke its decoder, twice"))
        try await fixture.wait { $0.live == 2 }
        let hanging = Task { try await fixture.scan("hang") }
        try await fixture.wait { $0.busy == 1 }
        guard case .unavailable(.heldBack, let retryAfter) = try await fixture.scan("score 0.1") else {
            throw SupportError("a second file ran beside the first\n\(fixture.log)")
        }
        #expect(retryAfter > 0)
        guard case .scored = try await fixture.scan("score 0.1", organization: "org_other") else {
            throw SupportError("the other worker was not there for others")
        }
        await fixture.pool.shutDown()
        _ = try await hanging.value
    }

    // Whoever can make the workers slow would else decide that what follows is let pass unscanned, where his organization
    // fails open: two files of ten seconds, and then what must not be seen.
    @Test("Files that wait too long behind their own organization's slow files are held back; that is no outage")
    func heldBackBehindSlowFiles() async throws {
        let fixture = try await Self.twoWorkers(queueWaitMilliseconds: 500)
        let slow = (0..<2).map { _ in Task { try await fixture.scan("slow 4000") } }
        try await fixture.wait { $0.busy == 2 }
        for _ in 0..<2 {
            guard case .unavailable(.heldBack, let retryAfter) = try await fixture.scan("score 0.1") else {
                throw SupportError("it was not held back\n\(fixture.log)")
            }
            #expect(retryAfter > 0)
        }
        for task in slow {
            guard case .scored = try await task.value else { throw SupportError("\(fixture.log)") }
        }
        await fixture.pool.shutDown()
    }

    @Test("An organization whose long files held every worker is kept from one of them from then on")
    func slowOrganization() async throws {
        let fixture = try await Self.twoWorkers()
        let long = (0..<4).map { _ in Task { try await fixture.scan("slow 1500", organization: "org_long") } }
        try await fixture.wait { $0.busy == 2 }
        for _ in 0..<12 {
            guard case .scored = try await fixture.scan("score 0.1 50", organization: "org_other") else {
                throw SupportError("the other organization's file was not scored\n\(fixture.log)")
            }
        }
        for task in long {
            guard case .scored = try await task.value else { throw SupportError("\(fixture.log)") }
        }
        #expect(fixture.restarts("preempted") == 1, "the other one waited for a worker again")
        await fixture.pool.shutDown()
    }

    @Test("Pauses double up to two seconds, and all is forgotten a minute after the last failure")
    func suspects() {
        let (a, b) = (OrganizationID(rawValue: "org_a"), OrganizationID(rawValue: "org_b"))
        var suspects = Suspects()
        #expect(!suspects.contains(a, now: 0) && suspects.nextRelease(after: 0) == nil)
        var pauses: [Double] = []
        for failure in 0..<7 {
            let now = Double(failure * 10)
            suspects.note(a, now: now)
            pauses.append((suspects.nextRelease(after: now) ?? .nan) - now)
        }
        #expect(pauses.map { ($0 * 10).rounded() / 10 } == [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2])
        #expect(suspects.isPausing(a, now: 61) && !suspects.isPausing(a, now: 62.1))
        #expect(suspects.contains(a, now: 119) && !suspects.contains(a, now: 121))
        #expect(!suspects.contains(b, now: 61))
        suspects.note(a, now: 200)
        #expect((suspects.nextRelease(after: 200) ?? 0) < 200.2, "it begins anew")
    }

    @Test("A second attempt keeps its organization's turn, and goes before the organization's other files")
    func secondAttempt() {
        let (a, b) = (OrganizationID(rawValue: "org_a"), OrganizationID(rawValue: "org_b"))
        var queue = FairQueue<String>()
        queue.append("b1", for: b, .upload)
        queue.append("a1", for: a, .upload)
        queue.reinsert("a0", for: a, .upload)
        #expect(queue.takeNext { !$0.hasPrefix("b") } == "a0")
        #expect(queue.takeNext() == "b1")
        #expect(queue.takeNext { _ in false } == nil)
        #expect(queue.takeNext() == "a1")
        #expect(queue.isEmpty)
    }
}

private final class Tally: Sendable {
    private let value = Mutex(0)
    func add() { value.withLock { $0 += 1 } }
    var count: Int { value.withLock { $0 } }
}
