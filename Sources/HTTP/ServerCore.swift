import CMicrohttpd
import Domain
import Glibc
import Synchronization
import Telemetry

/// What all connections of one server share.
final class ServerCore: Sendable {
    let configuration: HTTPConfiguration
    let executor: any TaskExecutor
    let handler: @Sendable (Request) async -> Response
    let log: Logger
    let housekeeper: Housekeeper
    let suspensions = Suspensions()

    private let metrics: HTTPMetrics
    private let connections = Mutex<[ObjectIdentifier: ClientConnection]>([:])
    /// Accepted and not closed; ahead of `connections` by those that libmicrohttpd has not taken up yet.
    private let openConnections = Atomic<Int>(0)
    private let exchanges = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private let daemon = Mutex<Daemon?>(nil)

    init(
        _ configuration: HTTPConfiguration, _ socket: consuming ListeningSocket, executor: any TaskExecutor,
        log: Logger, metrics: MetricsRegistry, handler: @escaping @Sendable (Request) async -> Response
    ) throws(HTTPError) {
        self.configuration = configuration
        self.executor = executor
        self.log = log
        self.handler = handler
        self.metrics = HTTPMetrics(metrics, listener: configuration.name)
        housekeeper = try Housekeeper(socket, configuration)
    }

    func start() throws(HTTPError) {
        let daemon = try Daemon(self)
        self.daemon.withLock { $0 = daemon }
        housekeeper.start(self)
    }

    // Connections.

    var hasRoom: Bool { openConnections.load(ordering: .relaxed) < configuration.connectionLimit }

    /// Accepts one connection; the `errno` where there was none to accept.
    func acceptConnection(from socket: Int32) -> Int32? {
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let accepted = unsafe portcullis_accept(socket, address, &size)
                guard accepted >= 0 else { return errno }
                openConnections.add(1, ordering: .relaxed)
                let daemon = daemon.withLock { $0 }
                guard let daemon, unsafe daemon.add(accepted, address, size) else {
                    openConnections.subtract(1, ordering: .relaxed)
                    return nil
                }
                return nil
            }
        }
    }

    func connectionOpened(_ client: ClientConnection) {
        connections.withLock { $0[ObjectIdentifier(client)] = client }
        metrics.connectionOpened()
    }

    func connectionClosed(_ client: ClientConnection) {
        client.closed()
        connections.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(client)) }
        metrics.connectionClosed()
        let before = openConnections.subtract(1, ordering: .relaxed).oldValue
        // Accepting pauses at the limit; this made room.
        if before >= configuration.connectionLimit { housekeeper.wakeUp.signal() }
    }

    /// Looks at every connection; called by the housekeeper.
    func checkDeadlines(now: Int64) {
        for client in connections.withLock({ Array($0.values) }) {
            client.checkDeadline(
                now: now, headMilliseconds: configuration.headerTimeoutMilliseconds,
                idleMilliseconds: configuration.idleTimeoutMilliseconds
            ) { handWritten(Response(failure: Failure(.requestTimeout)), requestID: RequestID.random()) }
            client.exchange?.checkBody(now: now)
        }
    }

    // Requests.

    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    func exchangeBegan() { exchanges.add(1, ordering: .relaxed) }
    func exchangeEnded() { exchanges.subtract(1, ordering: .relaxed) }

    func record(_ entry: AccessEntry, isAborted: Bool) {
        let seconds = SystemTime.monotonicSeconds() - entry.startedSeconds
        // 499 is what servers log for "the client left before the answer".
        let status = entry.status == 0 ? 499 : entry.status
        func fields() -> JSONObject {
            var fields: JSONObject = [
                "request_id": .string(entry.id), "listener": .string(configuration.name),
                "method": .string(entry.method), "path": .string(entry.path), "status": .integer(Int64(status)),
                "bytes_in": .integer(entry.bytesIn), "bytes_out": .integer(isAborted ? 0 : entry.bytesOut),
                "duration_ms": .number((seconds * 100_000).rounded() / 100),
                "remote_address": .string(entry.remoteAddress),
            ]
            if isAborted { fields["aborted"] = true }
            for (name, value) in entry.extraFields where fields[name] == nil { fields[name] = value }
            return fields
        }
        // What is the service's own fault wakes somebody up; what it refuses for load or an outage is worth a look.
        switch status {
        case 500: log.error("http.request", fields())
        case 501...599: log.warning("http.request", fields())
        default: if log.writes(.info) { log.info("http.request", fields()) }
        }
        metrics.requestEnded(method: entry.method, status: status, seconds: seconds)
    }

    func reportRefusedFields(_ names: [String], requestID: String) {
        guard !names.isEmpty else { return }
        log.error(
            "http.response_header_refused",
            ["request_id": .string(requestID), "names": .array(names.map(JSONValue.string))])
    }

    /// A whole answer as bytes, for a connection on which libmicrohttpd gives none.
    func handWritten(_ response: Response, requestID: String, to method: HTTPMethod? = nil) -> [UInt8] {
        let (fields, refused) = response.wireFields(requestID: requestID, closes: true)
        reportRefusedFields(refused, requestID: requestID)
        var bytes = Array(response.serializedHead(fields: fields, now: SystemTime().now()).utf8)
        if case .bytes(let body) = response.body, response.sentLength(to: method) > 0 { bytes += body }
        return bytes
    }

    // Stopping.

    /// Blocks until everything has stopped. Once only.
    func stop(graceMilliseconds: Int64) {
        stopping.store(true, ordering: .sequentiallyConsistent)
        housekeeper.stopAccepting()
        housekeeper.wakeUp.signal()
        let deadline = Clock.milliseconds() + graceMilliseconds
        while exchanges.load(ordering: .relaxed) > 0 && Clock.milliseconds() < deadline { usleep(2_000) }
        // From here on nothing is suspended any more. What is suspended is resumed, so that libmicrohttpd can close it;
        // were one left, stopping would abort the process.
        suspensions.forbid()
        housekeeper.endLingering()
        while true {
            for client in connections.withLock({ Array($0.values) }) { client.exchange?.cutForShutdown() }
            if suspensions.count == 0 { break }
            usleep(1_000)
        }
        daemon.withLock { daemon in
            daemon?.stop()
            daemon = nil
        }
        housekeeper.stop()
    }
}
