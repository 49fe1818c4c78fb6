import Domain
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing
import WorkerPool

/// Who gets a worker when, with one real worker process that does what files say.
@Suite("Scheduling", .serialized)
struct SchedulingTests {
    @Test("An organization with a hundred waiting files delays another's single file by no more than two")
    func fairness() async throws {
        let fixture = try PoolFixture.hostile {
            $0.queueLength = 200
            $0.queueWaitMilliseconds = 120_000
        }
        try await fixture.waitUntilReady()
        let finished = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await fixture.scan("score 0.1 8000", organization: "org_many") }
            try await fixture.wait { $0.busy == 1 }
            for _ in 0..<100 {
                group.addTask {
                    guard case .scored = try await fixture.scan("score 0.1 5", organization: "org_many") else {
                        throw SupportError("a scan of the many failed")
                    }
                    finished.increment()
                }
            }
            try await fixture.wait { $0.queued == 100 }
            let before = finished.value
            guard case .scored = try await fixture.scan("score 0.1 5", organization: "org_single") else {
                throw SupportError("the single scan failed")
            }
            let between = finished.value - before
            #expect(between <= 2, "\(between) files of the other organization went first")
            try await group.waitForAll()
        }
        await fixture.pool.shutDown()
    }

    @Test("Backlog is taken up only when no upload waits")
    func backlogWaits() async throws {
        let fixture = try PoolFixture.hostile()
        try await fixture.waitUntilReady()
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await fixture.scan("score 0.1 200") }
            try await fixture.wait { $0.busy == 1 }
            group.addTask {
                _ = try await fixture.scan("score 0.1 1", organization: "org_debt", priority: .backlog)
                order.append("backlog")
            }
            try await fixture.wait { $0.queued == 1 }
            for _ in 0..<5 {
                group.addTask {
                    _ = try await fixture.scan("score 0.1 20")
                    order.append("upload")
                }
            }
            try await fixture.wait { $0.queued == 6 }
            try await group.waitForAll()
        }
        #expect(order.all == Array(repeating: "upload", count: 5) + ["backlog"])
        await fixture.pool.shutDown()
    }

    @Test("A full queue answers at once, and backlog makes room for uploads")
    func queueFull() async throws {
        let fixture = try PoolFixture.hostile { $0.queueLength = 2 }
        try await fixture.waitUntilReady()
        try await withThrowingTaskGroup(of: (String, ScanOutcome).self) { group in
            group.addTask { ("first", try await fixture.scan("score 0.1 300")) }
            try await fixture.wait { $0.busy == 1 }
            group.addTask { ("upload", try await fixture.scan("score 0.1 1")) }
            try await fixture.wait { $0.queued == 1 }
            group.addTask { ("backlog", try await fixture.scan("score 0.1 1", priority: .backlog)) }
            try await fixture.wait { $0.queued == 2 }
            guard
                case .unavailable(.queueFull, let retryAfter) = try await fixture.scan("score 0.1", priority: .backlog)
            else { throw SupportError("backlog was queued beyond the queue's length") }
            // At once: the first scan is still running.
            #expect(fixture.pool.status.busy == 1 && fixture.pool.status.queued == 2)
            #expect((1...60).contains(retryAfter))
            group.addTask { ("late upload", try await fixture.scan("score 0.1 1")) }
            for try await (name, outcome) in group {
                if name == "backlog" {
                    guard case .unavailable(.queueFull, _) = outcome else {
                        throw SupportError("backlog kept an upload's place: \(outcome)")
                    }
                } else {
                    guard case .scored = outcome else { throw SupportError("\(name): \(outcome)") }
                }
            }
        }
        await fixture.pool.shutDown()
    }

    // Where it fails open, an organization's flood would else let in unscanned what finds no place in the queue.
    @Test("What finds no place because its own organization fills the queue is held back; that is no outage")
    func flood() async throws {
        let fixture = try PoolFixture.hostile {
            $0.queueLength = 2
            $0.queueWaitMilliseconds = 120_000
        }
        try await fixture.waitUntilReady()
        let long = Task { try await fixture.scan("score 0.1 3000", organization: "org_many") }
        try await fixture.wait { $0.busy == 1 }
        let waiting = (0..<2).map { _ in Task { try await fixture.scan("score 0.1", organization: "org_many") } }
        try await fixture.wait { $0.queued == 2 }
        guard
            case .unavailable(.heldBack, let retryAfter) = try await fixture.scan("score 0.1", organization: "org_many")
        else { throw SupportError("it was not held back\n\(fixture.log)") }
        #expect(retryAfter > 0)
        // Another organization takes the place of one of them.
        guard case .scored = try await fixture.scan("score 0.1", organization: "org_other") else {
            throw SupportError("the other organization had no place\n\(fixture.log)")
        }
        _ = try await long.value
        let outcomes = [try await waiting[0].value, try await waiting[1].value]
        let heldBack = outcomes.count { outcome in
            if case .unavailable(.heldBack, _) = outcome { true } else { false }
        }
        #expect(heldBack == 1, "\(outcomes)")
        await fixture.pool.shutDown()
    }

    @Test("A scan that waited too long is unavailable, and says when to try again")
    func queueTimeout() async throws {
        let fixture = try PoolFixture.hostile { $0.queueWaitMilliseconds = 100 }
        try await fixture.waitUntilReady()
        async let long = fixture.scan("score 0.1 1000")
        try await fixture.wait { $0.busy == 1 }
        guard
            case .unavailable(.queueTimeout, let retryAfter) = try await fixture.scan(
                "score 0.1", organization: "org_other")
        else {
            Issue.record("the scan did not time out")
            return
        }
        // Whoever watches for outages sees the overload by that.
        #expect(fixture.pool.status.overflows == 1)
        #expect(retryAfter >= 1)
        #expect(fixture.metric("portcullis_scan_unavailable_total{reason=\"queue_timeout\"}") == 1)
        guard case .scored = try await long else {
            Issue.record("the scan that was running suffered")
            return
        }
        await fixture.pool.shutDown()
    }

    @Test("A cancelled task's scan leaves the queue")
    func cancellation() async throws {
        let fixture = try PoolFixture.hostile()
        try await fixture.waitUntilReady()
        async let running = fixture.scan("score 0.1 300")
        try await fixture.wait { $0.busy == 1 }
        let waiting = Task { try await fixture.scan("score 0.1") }
        try await fixture.wait { $0.queued == 1 }
        waiting.cancel()
        #expect(try await waiting.value == .unavailable(.cancelled, retryAfterSeconds: 1))
        #expect(fixture.pool.status.busy == 1)
        let early = Task {
            // Cancelled before it begins to wait.
            while !Task.isCancelled { await Task.yield() }
            return try await fixture.scan("score 0.1")
        }
        early.cancel()
        #expect(try await early.value == .unavailable(.cancelled, retryAfterSeconds: 1))
        guard case .scored = try await running else {
            Issue.record("the scan that was running suffered")
            return
        }
        await fixture.pool.shutDown()
    }

    @Test("The drill switch makes the classifier unavailable for all that wait and come, and back")
    func drill() async throws {
        let fixture = try PoolFixture.hostile()
        try await fixture.waitUntilReady()
        #expect(fixture.pool.isAvailable)
        async let running = fixture.scan("score 0.1 300")
        try await fixture.wait { $0.busy == 1 }
        async let waiting = fixture.scan("score 0.1")
        try await fixture.wait { $0.queued == 1 }
        fixture.pool.setOutOfService(true)
        #expect(!fixture.pool.isAvailable)
        #expect(try await waiting == .unavailable(.outOfService, retryAfterSeconds: 30))
        #expect(try await fixture.scan("score 0.1") == .unavailable(.outOfService, retryAfterSeconds: 30))
        guard case .scored = try await running else {
            Issue.record("the scan that was running suffered")
            return
        }
        try await fixture.wait { $0.unavailableReason == .outOfService && $0.live == 1 }
        fixture.pool.setOutOfService(false)
        #expect(fixture.pool.isAvailable)
        guard case .scored = try await fixture.scan("score 0.1") else {
            Issue.record("the classifier did not come back")
            return
        }
        await fixture.pool.shutDown()
    }

    @Test("After a shutdown nothing waits, nothing runs and nothing starts")
    func shutDown() async throws {
        let fixture = try PoolFixture.hostile(workers: 2)
        try await fixture.waitUntilReady()
        let processes = fixture.pool.status.processes
        let scans = (0..<4).map { _ in Task { try await fixture.scan("hang") } }
        try await fixture.wait { $0.busy == 2 && $0.queued == 2 }
        await fixture.pool.shutDown()
        for scan in scans { #expect(try await scan.value == .unavailable(.shuttingDown, retryAfterSeconds: 5)) }
        #expect(processes.count == 2)
        // Neither running nor a zombie: the number is free.
        for process in processes { #expect(kill(process, 0) == -1 && errno == ESRCH) }
        #expect(try await fixture.scan("score 0.1") == .unavailable(.shuttingDown, retryAfterSeconds: 5))
        await fixture.pool.shutDown()
        #expect(fixture.pool.status.live == 0)
    }

    @Test("A type without a decoder never reaches a worker")
    func unsupported() async throws {
        let fixture = try PoolFixture.hostile()
        let path = try fixture.directory.write(Sample.gif, to: "white.gif")
        #expect(
            try await fixture.scan(path: path, .photoshop)
                == .unsupported("image/vnd.adobe.photoshop is not decoded by this build"))
        await fixture.pool.shutDown()
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    func increment() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}

private final class Order: Sendable {
    private let entries = Mutex<[String]>([])
    func append(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }
}
