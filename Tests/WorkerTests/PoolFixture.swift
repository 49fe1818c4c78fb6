import Domain
import Foundation
import Synchronization
import SystemCalls
import Telemetry
import TestSupport
import Testing
import WorkerPool
import WorkerProtocol

/// A pool of real processes, with what it logs and counts.
final class PoolFixture: Sendable {
    let pool: ScanPool
    let directory: TemporaryDirectory
    private let lines: Lines
    let registry: MetricsRegistry

    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// Workers that do what files say (Tests/HostileWorker); `start` says how they start.
    static func hostile(
        workers: Int = 1, start: String = "confined", _ change: (inout WorkerPoolConfiguration) -> Void = { _ in }
    ) throws -> PoolFixture {
        var configuration = WorkerPoolConfiguration(
            workerExecutable: try Products.path("HostileWorker"), manifestPath: start, runtimeLibraryPath: "none",
            workers: workers)
        change(&configuration)
        return try PoolFixture(configuration)
    }

    /// The product's own workers.
    static func real(
        workers: Int = 2, manifest: String? = nil, _ change: (inout WorkerPoolConfiguration) -> Void = { _ in }
    ) throws -> PoolFixture {
        var configuration = WorkerPoolConfiguration(
            workerExecutable: try Products.path("portcullis-worker"),
            manifestPath: manifest ?? Repository.url("models/open-nsfw.json").path,
            runtimeLibraryPath: try Products.runtime(), workers: workers)
        // A machine that is busy with other tests takes long for a large file; what a deadline does has its own tests.
        configuration.deadlineMilliseconds = 120_000
        configuration.queueWaitMilliseconds = 120_000
        change(&configuration)
        return try PoolFixture(configuration)
    }

    private init(_ configuration: WorkerPoolConfiguration) throws {
        let lines = Lines()
        self.lines = lines
        registry = MetricsRegistry()
        directory = try TemporaryDirectory()
        let log = Logger(minimumLevel: .debug) { line in lines.all.withLock { $0.append(line) } }
        pool = ScanPool(configuration: configuration, log: log, metrics: registry)
        pool.start()
    }

    /// Scans a file that holds `text`, as a PNG.
    func scan(
        _ text: String, organization: String = "org_a", priority: ScanPriority = .upload
    ) async throws -> ScanOutcome {
        let path = try directory.write(Array(text.utf8), to: UUID().uuidString)
        return try await scan(path: path, .png, organization: organization, priority: priority)
    }

    func scan(
        path: String, _ type: MediaType, organization: String = "org_a", threshold: Double = 0.8,
        priority: ScanPriority = .upload
    ) async throws -> ScanOutcome {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        let outcome = await pool.scan(
            ScanJob(
                descriptor: file.fileDescriptor, mediaType: type,
                organization: OrganizationID(rawValue: organization), threshold: threshold, priority: priority))
        try file.close()
        return outcome
    }

    /// Waits until the status is as wanted.
    func wait(seconds: Double = 20, until isWanted: (WorkerPoolStatus) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !isWanted(pool.status) {
            guard ContinuousClock.now < deadline else {
                throw SupportError("the pool's status stayed \(pool.status); it logged:\n\(log)")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func waitUntilReady() async throws { try await wait { $0.live == $0.configured } }

    var log: String { lines.all.withLock { $0.joined() } }

    /// How many log lines contain all of `parts`.
    func logged(_ parts: String...) -> Int {
        lines.all.withLock { lines in lines.count { line in parts.allSatisfy { line.contains($0) } } }
    }

    /// The value of a line of the metrics.
    func metric(_ name: String) -> Double? {
        registry.exposition().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Files whose worker failed, and files that were given up, by cause.
    var failures: [String: Double] { counts("portcullis_scan_failures_total", ["crash", "deadline", "memory"]) }
    var givenUp: [String: Double] {
        counts("portcullis_scans_gave_up_total", ["crash", "deadline", "memory", "mixed"])
    }

    private func counts(_ name: String, _ causes: [String]) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: causes.map { ($0, metric("\(name){cause=\"\($0)\"}") ?? .nan) })
    }

    func restarts(_ cause: String) -> Double? { metric("portcullis_worker_restarts_total{cause=\"\(cause)\"}") }
}
