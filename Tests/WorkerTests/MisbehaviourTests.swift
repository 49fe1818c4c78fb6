import Domain
import Foundation
import Glibc
import TestSupport
import Testing
import WorkerPool
import WorkerProtocol

/// Workers that break, hang or lie, as a hostile file may make them.
@Suite("Misbehaving workers", .serialized)
struct MisbehaviourTests {
    private static let broken = ScanOutcome.gaveUp(.crash, "the image broke its decoder, twice")

    @Test("A file that crashes two workers is unscannable, and the workers' last words are logged")
    func crash() async throws {
        let fixture = try PoolFixture.hostile()
        #expect(try await fixture.scan("crash") == Self.broken)
        try await fixture.wait { $0.restarts == 2 && $0.live == 1 }
        #expect(fixture.restarts("crash") == 2)
        #expect(fixture.restarts("deadline") == 0)
        #expect(fixture.logged("worker_output", "a crash while decoding") == 2, "\(fixture.log)")
        #expect(fixture.metric("portcullis_scans_total{outcome=\"unscannable\"}") == 1)
        #expect(fixture.failures == ["crash": 2, "deadline": 0, "memory": 0])
        #expect(fixture.givenUp == ["crash": 1, "deadline": 0, "memory": 0, "mixed": 0])
        #expect(fixture.logged("scan_failed", "\"cause\":\"crash\"", "\"organization_id\":\"org_a\"") == 2)
        #expect(try await score(fixture, "score 0.25") == 0.25)
        await fixture.pool.shutDown()
    }

    @Test("A file that overruns its deadline on two workers is unscannable, and both are killed")
    func deadline() async throws {
        let fixture = try PoolFixture.hostile(workers: 2) { $0.deadlineMilliseconds = 100 }
        try await fixture.waitUntilReady()
        let before = fixture.pool.status.processes
        #expect(
            try await fixture.scan("hang")
                == .gaveUp(.deadline, "the image took more than 100 ms to check, twice"))
        try await fixture.wait { $0.restarts == 2 && $0.live == 2 }
        #expect(fixture.restarts("deadline") == 2)
        #expect(fixture.restarts("crash") == 0)
        #expect(fixture.failures == ["crash": 0, "deadline": 2, "memory": 0])
        #expect(fixture.givenUp == ["crash": 0, "deadline": 1, "memory": 0, "mixed": 0])
        #expect(fixture.logged("scan_failed", "\"cause\":\"deadline\"") == 2)
        #expect(before.allSatisfy { kill($0, 0) != 0 }, "a worker that was replaced is still there")
        await fixture.pool.shutDown()
    }

    // An allocation that fails leaves ENOMEM behind, and what dies next, by a trap, an abort or a fault, dies of it. With
    // AddressSanitizer there is no limit of the address space.
    @Test(
        "A file that uses up two workers' memory is unscannable for that, and not for a crash",
        arguments: ["eat-memory", "eat-memory-and-fault"])
    func memory(_ command: String) async throws {
        let fixture = try PoolFixture.hostile(workers: 2) { $0.memoryMegabytes = 64 }
        try await fixture.waitUntilReady()
        guard fixture.pool.status.sandbox?.contains(.memoryLimit) == true else { return }
        #expect(
            try await fixture.scan(command)
                == .gaveUp(.memory, "the image took more memory than there is to check, twice"))
        try await fixture.wait { $0.restarts == 2 && $0.live == 2 }
        #expect(fixture.restarts("memory") == 2 && fixture.restarts("crash") == 0, "\(fixture.log)")
        #expect(fixture.failures == ["crash": 0, "deadline": 0, "memory": 2])
        #expect(fixture.givenUp == ["crash": 0, "deadline": 0, "memory": 1, "mixed": 0])
        #expect(fixture.logged("scan_failed", "\"cause\":\"memory\"") == 2)
        #expect(fixture.logged("worker_died", "\"cause\":\"memory\"", "exit 80") == 2, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    // The kernel's out-of-memory killer leaves nothing behind but the signal, and nobody here has sent it.
    @Test("A worker that is killed from outside over a file counts as memory, and one failure of each kind as mixed")
    func mixture() async throws {
        let fixture = try PoolFixture.hostile(workers: 2) { $0.deadlineMilliseconds = 3_000 }
        try await fixture.waitUntilReady()
        async let outcome = fixture.scan("hang")
        try await fixture.wait { $0.busy == 1 }
        for process in fixture.pool.status.processes { kill(process, SIGKILL) }
        #expect(
            try await outcome
                == .gaveUp(
                    .mixed,
                    "the image took more memory than there is to check, then took more than 3000 ms to check"))
        try await fixture.wait { $0.restarts == 3 }
        #expect(fixture.restarts("memory") == 2 && fixture.restarts("deadline") == 1, "\(fixture.log)")
        #expect(fixture.failures == ["crash": 0, "deadline": 1, "memory": 1])
        #expect(fixture.givenUp == ["crash": 0, "deadline": 0, "memory": 0, "mixed": 1])
        await fixture.pool.shutDown()
    }

    @Test(
        "A reply that makes no sense ends the worker, and twice the scan",
        arguments: ["wrong-id", "short", "long", "not-a-number", "no-frames", "slow-clock", "flood"])
    func violation(_ command: String) async throws {
        let fixture = try PoolFixture.hostile()
        #expect(try await fixture.scan(command) == Self.broken)
        try await fixture.wait { $0.restarts == 2 }
        #expect(fixture.restarts("protocol") == 2, "\(fixture.log)")
        #expect(try await score(fixture, "score 0.5") == 0.5)
        await fixture.pool.shutDown()
    }

    @Test("A worker that closes its channel and stays alive is killed")
    func hangUp() async throws {
        let fixture = try PoolFixture.hostile()
        #expect(try await fixture.scan("hang-up") == Self.broken)
        try await fixture.wait { $0.restarts == 2 }
        #expect(fixture.logged("worker_died", "\"cause\":\"crash\"", "signal 9") == 2, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test("A message that nobody asked for ends the worker")
    func unsolicited() async throws {
        let fixture = try PoolFixture.hostile()
        // The first of its two messages is a proper answer.
        #expect(try await score(fixture, "twice") == 0.25)
        try await fixture.wait { $0.restarts == 1 && $0.live == 1 }
        #expect(fixture.restarts("protocol") == 1)
        await fixture.pool.shutDown()
    }

    @Test("A model that fails in two workers is an outage, and both workers are replaced")
    func inference() async throws {
        let fixture = try PoolFixture.hostile()
        #expect(try await fixture.scan("inference") == .unavailable(.inferenceFailed, retryAfterSeconds: 5))
        try await fixture.wait { $0.restarts == 2 && $0.live == 1 }
        #expect(fixture.restarts("inference") == 2)
        #expect(fixture.logged("scan_inference_failed", "the model failed") == 2)
        await fixture.pool.shutDown()
    }

    @Test("Descriptors that a worker attaches to its reply do not enter the service")
    func attachedDescriptor() async throws {
        let fixture = try PoolFixture.hostile()
        let path = try fixture.directory.write(Array("attach".utf8), to: "attached")
        #expect(try await score(fixture, path: path) == 0.25)
        let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        #expect(!links.contains(path))
        #expect(try await score(fixture, "score 0.5") == 0.25, "the same worker answers the next scan")
        await fixture.pool.shutDown()
    }

    @Test("A worker that closes its standard error goes on, and costs the service no processor time")
    func mute() async throws {
        let fixture = try PoolFixture.hostile()
        #expect(try await score(fixture, "mute") == 0.5)
        #expect(try await score(fixture, "score 0.25") == 0.25)
        #expect(fixture.pool.status.restarts == 0)
        await fixture.pool.shutDown()
    }

    @Test("A worker that retires is replaced at once, and no scan suffers")
    func retirement() async throws {
        let fixture = try PoolFixture.hostile()
        for _ in 0..<5 { #expect(try await score(fixture, "retire") == 0.5) }
        try await fixture.wait { $0.restarts == 5 && $0.live == 1 }
        #expect(fixture.restarts("retired") == 5)
        await fixture.pool.shutDown()
    }

    @Test("A file that is truncated while it is read ends the worker, not the service")
    func truncation() async throws {
        let fixture = try PoolFixture.hostile()
        try await fixture.waitUntilReady()
        let text = "read-again" + String(repeating: " ", count: 8192 - 10)
        let path = try fixture.directory.write(Array(text.utf8), to: "shrinking")
        async let outcome = fixture.scan(path: path, .png)
        try await fixture.wait { $0.busy == 1 }
        // Long enough for the worker to have mapped the file; were it not, the test would fail, not pass.
        try await Task.sleep(for: .milliseconds(100))
        let truncated = unsafe truncate(path, 0)
        #expect(truncated == 0)
        // The second worker is given the empty file.
        #expect(try await outcome == Self.broken)
        try await fixture.wait { $0.restarts == 2 }
        // AddressSanitizer catches the signal and ends the process in its own way.
        let buses = fixture.logged("worker_died", "\"ending\":\"signal \(SIGBUS)\"")
        #expect(buses + fixture.logged("worker_output", "AddressSanitizer:DEADLYSIGNAL") == 1, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test(
        "Workers that do not become ready make the classifier unavailable within seconds",
        arguments: [
            ("fails", UnavailableReason.noModel), ("crashes", .noWorker), ("hangs", .noWorker), ("lies", .noWorker),
            ("unconfined", .noWorker),
        ])
    func failingStart(_ start: String, _ reason: UnavailableReason) async throws {
        let fixture = try PoolFixture.hostile(start: start) {
            $0.startMilliseconds = 300
            $0.queueWaitMilliseconds = 20_000
        }
        let started = ContinuousClock.now
        guard case .unavailable(let found, let retryAfter) = try await fixture.scan("score 0.5") else {
            Issue.record("a scan succeeded without a worker")
            return
        }
        #expect(found == reason)
        #expect(retryAfter > 0)
        #expect(ContinuousClock.now - started < .seconds(10))
        #expect(fixture.pool.status.unavailableReason == reason)
        #expect(!fixture.pool.isAvailable)
        // From now on nobody waits at all.
        let again = ContinuousClock.now
        guard case .unavailable = try await fixture.scan("score 0.5") else {
            Issue.record("a scan succeeded without a worker")
            return
        }
        #expect(ContinuousClock.now - again < .seconds(10))
        #expect(fixture.metric("portcullis_scan_unavailable_total{reason=\"\(reason.rawValue)\"}") == 2)
        await fixture.pool.shutDown()
    }

    @Test("A worker program that is missing makes the classifier unavailable at once")
    func missingProgram() async throws {
        let fixture = try PoolFixture.hostile { $0.workerExecutable = "/nonexistent/portcullis-worker" }
        guard case .unavailable(.noWorker, _) = try await fixture.scan("score 0.5") else {
            Issue.record("a scan succeeded without a worker")
            return
        }
        #expect(fixture.logged("worker_start_failed", "/nonexistent/portcullis-worker") >= 1)
        await fixture.pool.shutDown()
    }

    private func score(_ fixture: PoolFixture, _ command: String) async throws -> Double? {
        let path = try fixture.directory.write(Array(command.utf8), to: UUID().uuidString)
        return try await score(fixture, path: path)
    }

    private func score(_ fixture: PoolFixture, path: String) async throws -> Double? {
        let outcome = try await fixture.scan(path: path, .png)
        guard case .scored(let score, _) = outcome else { throw SupportError("\(outcome)\n\(fixture.log)") }
        return score.score
    }
}
