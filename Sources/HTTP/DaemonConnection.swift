import CMicrohttpd
import Glibc

/// One connection of libmicrohttpd. It is valid until the daemon reports it closed; its owner sees to that.
@safe struct DaemonConnection: @unchecked Sendable {
    // libmicrohttpd lets a connection be resumed from any thread; every other call is made on the connection's own
    // thread, or while it is suspended.
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

    /// The socket, which libmicrohttpd closes.
    var descriptor: Int32 { unsafe portcullis_mhd_descriptor(pointer) }

    /// Bytes of the request line and the header section.
    var headerByteCount: Int { unsafe portcullis_mhd_header_bytes(pointer) }

    /// The status of an answer that libmicrohttpd queued of its own accord, 0 without one.
    var status: Int { Int(unsafe portcullis_mhd_status(pointer)) }

    /// Takes the connection out of the event loop. Only on its own thread, inside a callback.
    func suspend() { unsafe MHD_suspend_connection(pointer) }

    /// Puts a suspended connection back; libmicrohttpd calls the handler again where it left off.
    func resume() { unsafe MHD_resume_connection(pointer) }

    /// The context that the start of the connection set.
    var client: ClientConnection? {
        guard let context = unsafe portcullis_mhd_socket_context(pointer) else { return nil }
        return unsafe Unmanaged<ClientConnection>.fromOpaque(context).takeUnretainedValue()
    }

    /// Queues `response` to be sent. Only on the connection's own thread, inside a callback that has no body bytes.
    /// False when libmicrohttpd refused it, or had no memory; the connection is to be closed then.
    func queue(_ response: Response, fields: [HeaderFields.Field]) -> Bool {
        guard let prepared = unsafe Self.prepare(response) else { return false }
        // The connection holds its own reference.
        defer { unsafe MHD_destroy_response(prepared) }
        for field in fields where unsafe MHD_add_response_header(prepared, field.name, field.value) != .YES {
            return false
        }
        return unsafe MHD_queue_response(pointer, UInt32(response.status), prepared) == .YES
    }

    private static func prepare(_ response: Response) -> OpaquePointer? {
        switch response.body {
        case .empty:
            return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case .bytes(let bytes):
            return unsafe bytes.withUnsafeBytes { bytes in
                unsafe MHD_create_response_from_buffer(
                    bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .file(let file):
            let descriptor = file.take()
            guard descriptor >= 0 else { return nil }
            let prepared = unsafe MHD_create_response_from_fd_at_offset64(
                UInt64(file.length), descriptor, UInt64(file.offset))
            // On success the response closes it.
            if unsafe prepared == nil { close(descriptor) }
            return unsafe prepared
        case .omitted(let length):
            // Never asked for content: the statuses and methods without a body are known to libmicrohttpd.
            return unsafe MHD_create_response_from_callback(UInt64(length), 1_024, { _, _, _, _ in -2 }, nil, nil)
        }
    }
}
