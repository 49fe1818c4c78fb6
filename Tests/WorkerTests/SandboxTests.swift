import Domain
import Foundation
import Glibc
import TestSupport
import Testing
import WorkerPool
import WorkerProtocol

/// A worker whose decoder was taken over tries to get out. The process is real and so is its sandbox.
@Suite("Sandbox", .serialized)
struct SandboxTests {
    @Test(
        "A worker that calls what it does not need is killed by the kernel",
        arguments: [
            "open", "stat", "socket", "fork", "exec", "thread", "executable-memory", "make-executable", "kill-parent",
            "signal-parent", "write-file", "raise-limit", "become-root",
        ])
    func forbiddenCalls(_ attack: String) async throws {
        let fixture = try PoolFixture.hostile()
        let outcome = try await fixture.scan(attack)
        if attack == "open", fixture.pool.status.sandbox?.contains(.memoryLimit) == false {
            // Under AddressSanitizer, whose reports try to open files, this call fails instead.
            #expect(outcome == .unscannable("result -1"))
            return await fixture.pool.shutDown()
        }
        #expect(outcome == .gaveUp(.crash, "the image broke its decoder, twice"))
        try await fixture.wait { $0.restarts == 2 }
        #expect(fixture.logged("worker_died", "\"ending\":\"signal \(SIGSYS)\"") == 2, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test("A worker cannot write to the file that it is given, however the service opened it")
    func fileIsReadOnly() async throws {
        let fixture = try PoolFixture.hostile()
        let path = try fixture.directory.write(Array("map-for-writing".utf8), to: "file")
        let descriptor = unsafe open(path, O_RDWR)
        defer { close(descriptor) }
        let outcome = await fixture.pool.scan(
            ScanJob(descriptor: descriptor, mediaType: .png, organization: .init(rawValue: "org_a"), threshold: 0.8))
        #expect(outcome == .unscannable("result -1"))
        await fixture.pool.shutDown()
    }

    @Test("A worker finds no descriptors but the standard three, its channel and the file")
    func descriptors() async throws {
        let secret = unsafe open("/etc/passwd", O_RDONLY)
        defer { close(secret) }
        let fixture = try PoolFixture.hostile()
        #expect(try await fixture.scan("descriptors") == .unscannable("result 4"))
        await fixture.pool.shutDown()
    }

    @Test("A worker gets no more memory than it was promised")
    func memory() async throws {
        let fixture = try PoolFixture.hostile {
            $0.memoryMegabytes = 64
            $0.limits.maximumFileBytes = 1 << 20
        }
        try await fixture.waitUntilReady()
        let sandbox = try #require(fixture.pool.status.sandbox)
        let outcome = try await fixture.scan("memory")
        // AddressSanitizer's shadow is larger than any limit; its build has none, and says so.
        let allowed = sandbox.contains(.memoryLimit) ? [32, 48, 64] : [1024]
        #expect(allowed.contains { outcome == .unscannable("result \($0)") }, "\(outcome)")
        await fixture.pool.shutDown()
    }

    @Test("A worker reports the walls around it, and its user is not root")
    func features() async throws {
        let fixture = try PoolFixture.hostile()
        try await fixture.waitUntilReady()
        let status = fixture.pool.status
        let sandbox = try #require(status.sandbox)
        #expect(sandbox.isSuperset(of: [.systemCallFilter, .resourceLimits, .diesWithParent, .unprivileged]))
        let process = try #require(status.processes.first)
        let facts = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        #expect(facts.contains("Seccomp:\t2"))
        #expect(facts.contains("NoNewPrivs:\t1"))
        #expect(facts.contains("CapPrm:\t0000000000000000"))
        if getuid() == 0 { #expect(facts.contains("Uid:\t65534\t65534\t65534\t65534")) }
        if sandbox != .all { #expect(fixture.logged("worker_sandbox_degraded") == 1) }
        await fixture.pool.shutDown()
    }
}
