import CMicrohttpd
import Domain
import Glibc
import Synchronization
import Telemetry

/// A running libmicrohttpd without a listening socket of its own: connections are handed to it.
@safe final class Daemon: Sendable {
    // Both are set once, and libmicrohttpd may be called from any thread for what is called here.
    nonisolated(unsafe) private let daemon: OpaquePointer
    nonisolated(unsafe) private let options: UnsafeMutablePointer<portcullis_mhd_options>

    /// Starts the threads. The server is kept alive until `stop()`.
    init(_ server: ServerCore) throws(HTTPError) {
        let configuration = server.configuration
        var values = unsafe portcullis_mhd_options()
        unsafe values.flags =
            MHD_USE_INTERNAL_POLLING_THREAD.rawValue | MHD_USE_EPOLL.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
            | MHD_USE_NO_LISTEN_SOCKET.rawValue | MHD_USE_ERROR_LOG.rawValue
        unsafe values.threads = UInt32(configuration.threads)
        // The server itself keeps the limit; here it must not bite earlier, if one thread got more than its share.
        unsafe values.connection_limit = UInt32((configuration.connectionLimit + 64) * configuration.threads)
        // A backstop behind the housekeeper's deadlines, and the limit for a client that does not read its answer.
        let idle = max(configuration.idleTimeoutMilliseconds, configuration.bodyWindowMilliseconds)
        unsafe values.idle_timeout_seconds = UInt32(idle / 1000 + 2)
        unsafe values.connection_memory_bytes = configuration.connectionMemoryBytes
        unsafe values.connection = connectionCallback
        unsafe values.target = targetCallback
        unsafe values.handler = handlerCallback
        unsafe values.completed = completedCallback
        unsafe values.log = logCallback
        let context = unsafe Unmanaged.passRetained(server)
        unsafe values.context = context.toOpaque()
        let options = UnsafeMutablePointer<portcullis_mhd_options>.allocate(capacity: 1)
        unsafe options.initialize(to: values)
        guard let daemon = unsafe portcullis_mhd_start(options) else {
            let code = errno
            unsafe options.deallocate()
            unsafe context.release()
            throw .startFailed("libmicrohttpd could not start its threads: \(SystemError.text(code))")
        }
        unsafe self.daemon = daemon
        unsafe self.options = options
    }

    /// Hands over a connected, non-blocking socket, which is closed in any case. False when it was closed at once.
    func add(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Bool {
        unsafe MHD_add_connection(daemon, socket, address, size) == .YES
    }

    /// Stops the threads, closes every connection and waits for that. Once only, with no connection suspended, and none
    /// handed over any more.
    func stop() {
        unsafe MHD_stop_daemon(daemon)
        if let context = unsafe options.pointee.context {
            unsafe Unmanaged<ServerCore>.fromOpaque(context).release()
        }
        unsafe options.deallocate()
    }
}

// The callbacks. libmicrohttpd calls them on the connection's thread, without any lock of its own.

@safe private func server(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
}

@safe private func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
}

private let connectionCallback: MHD_NotifyConnectionCallback = { context, connection, socketContext, code in
    guard let server = server(context), let connection = unsafe connection,
        let socketContext = unsafe socketContext
    else { return }
    switch code {
    case .CONNECTION_NOTIFY_STARTED:
        let client = unsafe ClientConnection(DaemonConnection(connection), now: Clock.milliseconds())
        unsafe socketContext.pointee = Unmanaged.passRetained(client).toOpaque()
        server.connectionOpened(client)
    case .CONNECTION_NOTIFY_CLOSED:
        guard let pointer = unsafe socketContext.pointee else { return }
        let client = unsafe Unmanaged<ClientConnection>.fromOpaque(pointer).takeRetainedValue()
        unsafe socketContext.pointee = nil
        server.connectionClosed(client)
    @unknown default: return
    }
}

private let targetCallback:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
        context, target, connection in
        guard let server = server(context), let connection = unsafe connection,
            let client = unsafe DaemonConnection(connection).client
        else { return nil }
        let bytes = unsafe target.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
        let exchange = Exchange(
            server: server, client: client, target: bytes, targetAddress: UInt(bitPattern: target))
        client.requestLineArrived(exchange)
        return unsafe Unmanaged.passRetained(exchange).toOpaque()
    }

private let handlerCallback: MHD_AccessHandlerCallback = {
    _, connection, _, method, version, data, size, requestContext in
    guard let connection = unsafe connection, let method = unsafe method, let version = unsafe version,
        let size = unsafe size, let exchange = exchange(unsafe requestContext?.pointee)
    else { return .NO }
    if let data = unsafe data {
        // After a 100 Continue, bytes of the next request behind a request without a body: none of them belong to it.
        guard unsafe size.pointee > 0 else { return .YES }
        let bytes = unsafe UnsafeRawBufferPointer(start: data, count: size.pointee).bytes
        switch exchange.bodyArrived(bytes) {
        case .taken:
            unsafe size.pointee = 0
            return .YES
        case .left: return .YES
        case .close: return .NO
        }
    }
    guard exchange.isHeadExpected else { return exchange.called() == .proceed ? .YES : .NO }
    let pieces = unsafe RawHead.Pieces(
        method: method, version: version, targetAddress: exchange.targetAddress, target: exchange.target)
    return exchange.headArrived(unsafe RawHead(pieces, connection: connection)) == .proceed ? .YES : .NO
}

private let completedCallback: MHD_RequestCompletedCallback = { _, _, requestContext, reason in
    guard let requestContext = unsafe requestContext, let pointer = unsafe requestContext.pointee else { return }
    unsafe requestContext.pointee = nil
    let exchange = unsafe Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
    exchange.completed(reason)
}

private let logCallback: portcullis_mhd_log = { context, message in
    guard let server = server(context), let message = unsafe message else { return }
    var text = unsafe String(cString: message)
    if text.utf8.last == ASCII.lineFeed { text.removeLast() }
    server.log.debug("http.library", ["message": .string(text), "listener": .string(server.configuration.name)])
}
