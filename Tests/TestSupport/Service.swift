import Foundation
import Glibc
import Synchronization

/// The built `portcullis serve`, running on a data directory of its own and free ports.
package final class Service: Sendable {
    private struct Running {
        var process: ChildProcess
        var publicPort: Int
        var privatePort: Int
    }

    /// `data` below it is the data directory.
    package let directory: TemporaryDirectory
    package let privateToken = "test-token-\(UUID().uuidString)"
    private let settings: [String: String]
    private let running: Mutex<Running?> = Mutex(nil)

    /// Starts the service and waits until it listens. `settings` lie over the ones that tests need; an empty value
    /// removes a key.
    package init(settings: [String: String] = [:], in directory: TemporaryDirectory? = nil) throws {
        self.directory = try directory ?? TemporaryDirectory()
        self.settings = settings
        try start()
    }

    deinit { running.withLock { $0?.process.send(SIGKILL) } }

    // MARK: Programs

    /// The directory of the built programs: the tests run from it, too.
    private static func productsDirectory() throws -> String {
        // The test runner is started with the path of the test bundle, or is the test bundle itself.
        let candidates = ProcessInfo.processInfo.arguments + [CommandLine.arguments[0], "/proc/self/exe"]
        for candidate in candidates where candidate.contains("/") {
            let resolved = URL(filePath: candidate).resolvingSymlinksInPath()
            let folder = resolved.deletingLastPathComponent()
            if FileManager.default.isExecutableFile(atPath: folder.appending(path: "portcullis").path) {
                return folder.path
            }
        }
        throw SupportError("no built portcullis beside the tests; looked beside \(candidates)")
    }

    package static let executable = Result { try productsDirectory() + "/portcullis" }

    /// Settings with which tests run `portcullis`: time limits that a busy machine does not trip over.
    package static func environment(
        dataDirectory: String, settings: [String: String] = [:]
    ) -> [String: String] {
        let own = [
            "PORTCULLIS_LISTEN": "127.0.0.1:0", "PORTCULLIS_PRIVATE_LISTEN": "127.0.0.1:0",
            "PORTCULLIS_DATA_DIR": dataDirectory, "PORTCULLIS_WORKERS": "1",
            // All tests come from one address.
            "PORTCULLIS_FAILED_AUTHENTICATION_LIMIT": "1000000",
            "PORTCULLIS_SECRETS_KEY": String(repeating: "0123456789abcdef", count: 4),
            "PORTCULLIS_DEADLINE_MILLISECONDS": "60000", "PORTCULLIS_QUEUE_WAIT_MILLISECONDS": "60000",
            "PORTCULLIS_MODEL": Repository.url("models/open-nsfw.json").path,
            "PORTCULLIS_ONNXRUNTIME": Repository.url("models/runtime/libonnxruntime.so").path,
        ]
        return ChildProcess.plainEnvironment.merging(own) { $1 }.merging(settings) { $1 }.filter { !$0.value.isEmpty }
    }

    private var environment: [String: String] {
        let token = ["PORTCULLIS_PRIVATE_TOKEN": privateToken].merging(settings) { $1 }
        return Self.environment(dataDirectory: dataDirectory, settings: token)
    }

    package var dataDirectory: String { directory.url("data").path }

    /// Runs another `portcullis` command with this service's settings to its end.
    package func command(_ arguments: String..., directory: String? = nil) throws -> ChildProcess.Outcome {
        try ChildProcess.run(
            Self.executable.get(), arguments, environment: environment, directory: directory)
    }

    // MARK: Life

    /// Starts the service again on the same data, after it was stopped or killed.
    package func start() throws {
        let process = try ChildProcess(Self.executable.get(), ["serve"], environment: environment)
        let wantsPrivate = environment["PORTCULLIS_PRIVATE_TOKEN"] != nil
        let ports = process.waitForLine(seconds: 60) { lines -> (Int, Int)? in
            var ports: [String: Int] = [:]
            for line in lines where line.contains("server.listening") {
                guard let json = try? JSON(parsing: line), let listener = json["listener"].string else { continue }
                ports[listener] = json["port"].int
            }
            guard let publicPort = ports["public"] else { return nil }
            guard wantsPrivate else { return (publicPort, 0) }
            return ports["private"].map { (publicPort, $0) }
        }
        guard let ports else {
            process.send(SIGKILL)
            throw SupportError("portcullis serve did not come up; it wrote: \(process.errorText)")
        }
        running.withLock { $0 = Running(process: process, publicPort: ports.0, privatePort: ports.1) }
    }

    private func current() throws -> Running {
        guard let current = running.withLock({ $0 }) else { throw SupportError("the service is not running") }
        return current
    }

    /// Ends the service with SIGTERM and returns how it ended.
    @discardableResult
    package func stop() throws -> ChildProcess.Outcome {
        let process = try current().process
        process.send(SIGTERM)
        return try process.wait()
    }

    /// Ends the service as a power failure would.
    package func kill() throws {
        let process = try current().process
        process.send(SIGKILL)
        _ = try process.wait()
    }

    package func send(signal: Int32) throws { try current().process.send(signal) }
    package func waitForEnd() throws -> ChildProcess.Outcome { try current().process.wait() }
    package var isRunning: Bool { running.withLock { $0?.process.isRunning ?? false } }
    package var log: String { running.withLock { $0?.process.errorText ?? "" } }

    // MARK: Observation

    /// Process numbers of the service's children, which are its workers.
    package func workers() throws -> [Int32] {
        let identifier = try current().process.identifier
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/task")
        return tasks.flatMap { task -> [Int32] in
            let children = try? String(contentsOfFile: "/proc/\(identifier)/task/\(task)/children", encoding: .utf8)
            return (children ?? "").split(separator: " ").compactMap { Int32($0) }
        }
    }

    /// The service's own resident memory, in bytes.
    package func residentBytes() throws -> Int {
        let path = "/proc/\(try current().process.identifier)/statm"
        let fields = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { throw SupportError("cannot read \(path)") }
        return pages * Int(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// What lies in the spool, as paths from the data directory's parent.
    package var spoolFiles: [String] { directory.files(below: "data/spool") }

    // MARK: Requests

    package var publicPort: Int { get throws { try current().publicPort } }
    package var privatePort: Int { get throws { try current().privatePort } }

    package func connect(timeoutSeconds: Int = 60) throws -> HTTPConnection {
        try HTTPConnection(port: publicPort, timeoutSeconds: timeoutSeconds)
    }

    package func connectPrivately() throws -> HTTPConnection {
        let port = try current().privatePort
        guard port != 0 else { throw SupportError("the service has no private listener") }
        return try HTTPConnection(port: port)
    }

    /// One request to the public listener on a connection of its own.
    package func send(
        _ request: HTTPRequest, key: String? = nil, _ manner: HTTPConnection.Manner = .attentive
    ) throws -> HTTPResponse {
        try connect().exchange(request.authorized(by: key), manner)
    }

    /// One request to the private listener, with its token.
    package func sendPrivately(_ request: HTTPRequest) throws -> HTTPResponse {
        try connectPrivately().exchange(request.authorized(by: privateToken))
    }

    /// Takes the classifier out of service, or puts it back.
    package func setClassifier(_ state: String) throws {
        let answer = try sendPrivately(HTTPRequest("PUT", "/v1/private/classifier", json: ["state": .string(state)]))
        guard answer.status == 200 else { throw SupportError("PUT classifier \(state): \(answer.summary)") }
    }
}
