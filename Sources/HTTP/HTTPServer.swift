import Execution
import Glibc
import Synchronization
package import Telemetry

/// An HTTP/1.1 server on one address.
///
/// Each request is handed to `handler` in a task of its own on `executor`, once its head is complete and has passed the
/// checks of RFC 9112. Bodies are streamed (see `RequestBody`), answers come back as values (see `Response`).
package final class HTTPServer: Sendable {
    private enum Stage {
        case ready
        case running
        case stopped
    }

    private let core: ServerCore
    private let address: SocketAddress
    private let stage = Mutex(Stage.ready)

    /// Binds and listens; connections wait in the backlog until `start()`.
    ///
    /// - Throws: `.invalidConfiguration`, or `.socket` with the system's error, such as an address that is in use.
    package init(
        configuration: HTTPConfiguration, executor: any TaskExecutor, log: Logger, metrics: MetricsRegistry,
        handler: @escaping @Sendable (Request) async -> Response
    ) throws(HTTPError) {
        try configuration.validate()
        // A client that is gone must show as an error of the write, not as the end of the process.
        _ = signal(SIGPIPE, SIG_IGN)
        let socket = try ListeningSocket(configuration.address, backlog: configuration.listenBacklog)
        address = socket.address
        core = try ServerCore(
            configuration, socket, executor: executor, log: log, metrics: metrics, handler: handler)
    }

    /// The port that is listened on: the configured one, or the one chosen where that was 0.
    package var boundPort: UInt16 { address.port }

    /// Starts to serve. The server lives on until `stop`, whoever else holds it.
    ///
    /// - Throws: `.startFailed` when threads could not be created, `.alreadyStarted`.
    package func start() throws(HTTPError) {
        let before = stage.withLock { stage in
            defer { if stage == .ready { stage = .running } }
            return stage
        }
        guard before == .ready else { throw .alreadyStarted }
        try core.start()
    }

    /// Stops: no new connections; requests that arrive on open ones are answered with 503 `shutting_down`; those in
    /// flight have `graceMilliseconds` to finish; then the rest is cut, their tasks cancelled. Tasks that do not mind
    /// cancellation may outlive this; their answers are dropped. A second call returns at once.
    package func stop(graceMilliseconds: Int) async {
        let before = stage.withLock { stage in
            defer { stage = .stopped }
            return stage
        }
        switch before {
        case .stopped: return
        case .ready: core.housekeeper.stopAccepting()
        case .running:
            await withCheckedContinuation { continuation in
                // It blocks, so neither a thread of the cooperative pool nor one that handlers need.
                Thread.start { [core] in
                    core.stop(graceMilliseconds: Int64(graceMilliseconds))
                    continuation.resume()
                }
            }
        }
    }
}
