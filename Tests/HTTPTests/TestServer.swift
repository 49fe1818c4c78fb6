import Domain
import Execution
import Foundation
import Glibc
import HTTP
import Synchronization
import Telemetry

/// A server in this process on a free port, with what it logged and counted.
final class TestServer: Sendable {
    static let executor = BlockingExecutor(threads: 8)

    let http: HTTPServer
    let metrics = MetricsRegistry()
    private let lines: LineCollector

    init(
        address: String = "127.0.0.1:0", _ adjust: (inout HTTPConfiguration) -> Void = { _ in },
        handler: @escaping @Sendable (Request) async -> Response
    ) throws {
        var configuration = HTTPConfiguration(address: address, name: "test")
        // Here bodies meet their handler on the way; `GatheredBodyTests` are about the small ones that do not.
        configuration.maximumGatheredBytes = 0
        adjust(&configuration)
        let lines = LineCollector()
        self.lines = lines
        http = try HTTPServer(
            configuration: configuration, executor: Self.executor,
            log: Logger(minimumLevel: .debug) { lines.append($0) }, metrics: metrics, handler: handler)
        try http.start()
    }

    var port: UInt16 { http.boundPort }

    func connect() throws -> TestClient { try TestClient(port: port) }

    func stop(graceMilliseconds: Int = 2_000) async { await http.stop(graceMilliseconds: graceMilliseconds) }

    /// The access-log lines so far, in order.
    func accessLog() throws -> [[String: Any]] {
        try lines.all.map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let fields = object as? [String: Any] else { throw TestProblem("a log line is no object: \(line)") }
            return fields
        }.filter { $0["event"] as? String == "http.request" }
    }

    /// Waits until the access log has `count` lines, for a few seconds.
    func accessLog(count: Int) async throws -> [[String: Any]] {
        try await eventually { try accessLog().count >= count }
        return try accessLog()
    }

    /// All log lines as text.
    var log: String { lines.all.joined() }
}

private final class LineCollector: Sendable {
    private let lines = Mutex<[String]>([])
    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

struct TestProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Waits until `condition` holds, at most 5 seconds.
func eventually(_ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(5)
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TestProblem("it did not happen within 5 seconds") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Runs a blocking client outside of the cooperative pool, which has too few threads for many of them.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Execution.Thread.start { continuation.resume(with: Swift.Result { try work() }) }
    }
}
