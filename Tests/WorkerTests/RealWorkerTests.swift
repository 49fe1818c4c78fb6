import Classifier
import Domain
import Foundation
import Glibc
import ImageDecoding
import Models
import Synchronization
import TestSupport
import Testing
import WorkerPool
import WorkerProtocol

/// The product's own worker processes with the real model.
@Suite("Real workers", .serialized)
struct RealWorkerTests {
    private struct Fixtures: Decodable {
        struct Entry: Decodable {
            var score: Double
            var tolerance: Double?
        }
        var files: [String: Entry]
        var refused: [String: Refusal]
    }

    private struct Refusal: Decodable { var reason: String }

    private static func fixtures() throws -> Fixtures {
        try JSONDecoder().decode(Fixtures.self, from: Data(Repository.bytes("fixtures/scores.json")))
    }

    @Test("A worker scores every fixture as the classifier in this process does, and as the reference")
    func scores() async throws {
        let fixture = try PoolFixture.real()
        let manifest = try ModelManifest(contentsOf: Repository.url("models/open-nsfw.json").path)
        let classifier = try ImageClassifier(manifest: manifest, runtimeLibraryPath: Products.runtime())
        let fixtures = try Self.fixtures()
        #expect(fixtures.files.count > 50)
        for (name, entry) in fixtures.files {
            let (bytes, type) = try Self.read(name)
            async let scan = fixture.scan(path: Repository.url("fixtures/\(name)").path, type)
            let here = try unsafe classifier.classify(
                bytes.span.bytes, type: type, limits: DecodeLimits(), threshold: 0.8)
            let outcome = try await scan
            guard case .scored(let score, let milliseconds) = outcome else {
                Issue.record("\(name): \(outcome)")
                continue
            }
            #expect(score == here, "\(name)")
            #expect(abs(score.score - entry.score) <= entry.tolerance ?? 0.001, "\(name)")
            #expect(milliseconds > 0)
        }
        #expect(fixture.pool.status.restarts == 0, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test("A worker refuses every hostile fixture in the classifier's own words, and lives on")
    func refusals() async throws {
        let fixture = try PoolFixture.real()
        let manifest = try ModelManifest(contentsOf: Repository.url("models/open-nsfw.json").path)
        let classifier = try ImageClassifier(manifest: manifest, runtimeLibraryPath: Products.runtime())
        let fixtures = try Self.fixtures()
        #expect(fixtures.refused.count > 5)
        for (name, refusal) in fixtures.refused {
            let (bytes, type) = try Self.read(name)
            let expected: ScanOutcome
            do throws(ScanError) {
                let score = try unsafe classifier.classify(
                    bytes.span.bytes, type: type, limits: DecodeLimits(), threshold: 0.8)
                Issue.record("\(name) scored \(score)")
                continue
            } catch {
                #expect(refusal.reason == ({ if case .unsupported = error { "unsupported" } else { "unscannable" } }()))
                switch error {
                case .unscannable(let text): expected = .unscannable(text)
                case .unsupported(let text): expected = .unsupported(text)
                case .classifier(let error): throw error
                }
            }
            #expect(try await fixture.scan(path: Repository.url("fixtures/\(name)").path, type) == expected, "\(name)")
        }
        #expect(fixture.pool.status.restarts == 0, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test("A worker starts with every wall of the sandbox, the manifest's model and its self-test score")
    func readiness() async throws {
        let fixture = try PoolFixture.real()
        try await fixture.waitUntilReady()
        let status = fixture.pool.status
        let manifest = try ModelManifest(contentsOf: Repository.url("models/open-nsfw.json").path)
        #expect(status.model == manifest.identity)
        #expect(abs(try #require(status.selfTestScore) - manifest.selfTest.score) <= manifest.selfTest.tolerance)
        #expect(try #require(status.sandbox).isSuperset(of: [.systemCallFilter, .diesWithParent, .resourceLimits]))
        #expect(fixture.pool.isAvailable)
        #expect(fixture.metric("portcullis_workers{state=\"live\"}") == 2)
        await fixture.pool.shutDown()
    }

    @Test("Scans survive the death of every worker by somebody's kill -9")
    func killedWorkers() async throws {
        let fixture = try PoolFixture.real { $0.queueWaitMilliseconds = 60_000 }
        try await fixture.waitUntilReady()
        let path = Repository.url("fixtures/nsfw-pattern.png").path
        try await withThrowingTaskGroup(of: ScanOutcome.self) { group in
            for index in 0..<20 {
                group.addTask { try await fixture.scan(path: path, .png, organization: "org_\(index % 3)") }
            }
            try await fixture.wait { $0.busy == 2 }
            for process in fixture.pool.status.processes { kill(process, SIGKILL) }
            for try await outcome in group {
                guard case .scored(let score, _) = outcome else { throw SupportError("\(outcome)\n\(fixture.log)") }
                #expect(score.score > 0.99)
            }
        }
        try await fixture.wait { $0.live == 2 && $0.restarts == 2 }
        // The kernel kills in the same way where memory is short.
        #expect(fixture.restarts("memory") == 2)
        #expect(fixture.logged("worker_died", "signal 9") == 2)
        await fixture.pool.shutDown()
    }

    @Test(
        "With little memory a picture is scored or refused by its decoder, and breaks no worker")
    func littleMemory() async throws {
        let fixture = try PoolFixture.real(workers: 1) {
            $0.memoryMegabytes = 64
            $0.limits.maximumFileBytes = 1 << 20
        }
        for name in try Self.fixtures().files.keys.sorted() {
            let (_, type) = try Self.read(name)
            switch try await fixture.scan(path: Repository.url("fixtures/\(name)").path, type) {
            case .scored, .unsupported, .unscannable: break
            case .gaveUp(_, let text): Issue.record("\(name): \(text)")
            case .unavailable(let reason, _): Issue.record("\(name): \(reason)")
            }
        }
        #expect(fixture.restarts("crash") == 0, "\(fixture.log)")
        await fixture.pool.shutDown()
    }

    @Test("A signal that asks a whole service to end leaves the workers to the service")
    func terminationSignals() async throws {
        let fixture = try PoolFixture.real(workers: 1)
        try await fixture.waitUntilReady()
        for process in fixture.pool.status.processes {
            for signal in [SIGTERM, SIGINT, SIGHUP] { kill(process, signal) }
        }
        guard case .scored = try await fixture.scan(path: Repository.url("fixtures/scene.jpg").path, .jpeg) else {
            Issue.record("the scan failed: \(fixture.log)")
            return
        }
        #expect(fixture.pool.status.restarts == 0)
        await fixture.pool.shutDown()
    }

    @Test("A deadline of one millisecond makes any picture unscannable, after two workers")
    func tightDeadline() async throws {
        let fixture = try PoolFixture.real { $0.deadlineMilliseconds = 1 }
        let outcome = try await fixture.scan(path: Repository.url("fixtures/scene.jpg").path, .jpeg)
        #expect(outcome == .gaveUp(.deadline, "the image took more than 1 ms to check, twice"))
        try await fixture.wait { $0.restarts == 2 }
        #expect(fixture.restarts("deadline") == 2)
        await fixture.pool.shutDown()
    }

    @Test("Without a model the classifier is unavailable at once, and heals when the model appears")
    func missingModel() async throws {
        let directory = try TemporaryDirectory()
        let manifest = try directory.write(Repository.bytes("models/open-nsfw.json"), to: "open-nsfw.json")
        let fixture = try PoolFixture.real(manifest: manifest)
        let picture = Repository.url("fixtures/scene.jpg").path
        let started = ContinuousClock.now
        #expect(try await fixture.scan(path: picture, .jpeg) == .unavailable(.noModel, retryAfterSeconds: 30))
        #expect(ContinuousClock.now - started < .seconds(3))
        #expect(fixture.pool.status.unavailableReason == .noModel)

        try Data(Repository.bytes("models/open-nsfw.onnx")).write(to: directory.url("open-nsfw.onnx"), options: .atomic)
        try await fixture.waitUntilReady()
        guard case .scored = try await fixture.scan(path: picture, .jpeg) else {
            Issue.record("the pool did not heal")
            return
        }
        #expect(fixture.pool.status.unavailableReason == nil)
        await fixture.pool.shutDown()
    }

    @Test("A model that is not the manifest's, and a runtime that is missing, are told apart")
    func wrongModel() async throws {
        let directory = try TemporaryDirectory()
        let manifest = try directory.write(Repository.bytes("models/open-nsfw.json"), to: "open-nsfw.json")
        try directory.write(Array("not a model".utf8), to: "open-nsfw.onnx")
        let picture = Repository.url("fixtures/scene.jpg").path
        let invalid = try PoolFixture.real(manifest: manifest)
        #expect(try await invalid.scan(path: picture, .jpeg) == .unavailable(.invalidModel, retryAfterSeconds: 30))
        #expect(invalid.logged("worker_start_failed", "SHA-256") >= 1, "\(invalid.log)")
        await invalid.pool.shutDown()

        let missing = try PoolFixture.real { $0.runtimeLibraryPath = "/nonexistent/libonnxruntime.so" }
        #expect(try await missing.scan(path: picture, .jpeg) == .unavailable(.noRuntime, retryAfterSeconds: 30))
        await missing.pool.shutDown()
    }

    @Test("A worker that has used its processor time retires between two files, and nobody notices")
    func processorTime() async throws {
        let fixture = try PoolFixture.real(workers: 1) { $0.processorSeconds = 2 }
        let path = Repository.url("fixtures/scene.jpg").path
        var scans = 0
        while fixture.pool.status.restarts == 0, scans < 500 {
            guard case .scored = try await fixture.scan(path: path, .jpeg) else {
                throw SupportError("a scan failed\n\(fixture.log)")
            }
            scans += 1
        }
        #expect(fixture.restarts("retired") ?? 0 >= 1)
        #expect(fixture.restarts("crash") == 0)
        await fixture.pool.shutDown()
    }

    @Test("Workers do not outlive a service that is killed")
    func orphans() async throws {
        let host = try ChildProcess(
            Products.path("PoolHost"), ["wait", Products.path("portcullis-worker"), Self.manifest, Products.runtime()])
        let deadline = ContinuousClock.now + .seconds(30)
        var workers: [Int32] = []
        while workers.isEmpty, ContinuousClock.now < deadline {
            workers = host.outputText.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(workers.count == 2, "\(host.errorText)")
        host.send(SIGKILL)
        _ = try host.wait()
        let gone = try await Self.eventually { workers.allSatisfy { !Self.isAlive($0) } }
        #expect(gone, "a worker outlived its service")
    }

    @Test("Pools that come and go under fire leave no descriptor and no child")
    func leaks() throws {
        let outcome = try ChildProcess.run(
            Products.path("PoolHost"),
            [
                "cycle", Products.path("portcullis-worker"), Self.manifest, Products.runtime(),
                Repository.url("fixtures/scene.png").path,
            ])
        #expect(outcome.status == .exited(0), "\(outcome.errorText)")
        let words = outcome.outputText.split(whereSeparator: \.isWhitespace)
        #expect(words.suffix(2) == ["children", "none"])
        let counts = words.dropFirst().prefix(3).compactMap { Int($0) }
        #expect(counts.count == 3 && Set(counts).count == 1, "\(outcome.outputText)")
    }

    private static let manifest = Repository.url("models/open-nsfw.json").path

    private static func read(_ name: String) throws -> ([UInt8], MediaType) {
        let bytes = try Repository.fixture(name)
        return (bytes, MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength))))
    }

    private static func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    /// A zombie of a host that nobody reaps counts as gone.
    private static func isAlive(_ process: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return false }
        return !status.contains("State:\tZ")
    }
}
