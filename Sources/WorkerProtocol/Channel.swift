import CDescriptorPassing
import Glibc

/// One end of the socket between the service and a worker. It keeps message boundaries (SEQPACKET) and closes itself.
package struct Channel: ~Copyable {
    /// Borrowed: for polling and for handing it to a process that is being started.
    package let descriptor: CInt

    /// Takes ownership of the socket.
    package init(owning descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// What came with one message.
    package struct Received: Sendable {
        package let bytes: [UInt8]
        /// Now the caller's, to close; nil where none came.
        package let descriptor: CInt?
    }

    /// The number under which a worker finds its end.
    package static let workerDescriptor: CInt = 3

    /// Sends one message without waiting, and `descriptor` (borrowed) with it. `closed` where nobody listens.
    package func send(_ message: [UInt8], passing passed: CInt? = nil) throws(WorkerProtocolError) {
        // The memory outlives the call, and the kernel copies from it.
        let sent = unsafe message.withUnsafeBytes { bytes in
            unsafe cdescriptor_send(descriptor, bytes.baseAddress, bytes.count, passed ?? -1)
        }
        guard sent == message.count else { throw Self.failure("sendmsg", sent < 0 ? errno : EMSGSIZE) }
    }

    /// Waits for a message, in the worker. `closed` where the service is gone.
    package func receive() throws(WorkerProtocolError) -> Received {
        var bytes = [UInt8](repeating: 0, count: MessageFormat.size)
        var passed: CInt = -1
        // The kernel writes at most the buffer's size.
        let received = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe cdescriptor_receive(descriptor, buffer.baseAddress, buffer.count, &passed)
        }
        try Self.check(received)
        return Received(bytes: Array(bytes.prefix(received)), descriptor: passed < 0 ? nil : passed)
    }

    /// Takes a message that is there, in the service; nil where there is none yet. Descriptors that the worker might
    /// attach never enter this process.
    package func receiveWaiting() throws(WorkerProtocolError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: MessageFormat.size)
        // The kernel writes at most the buffer's size.
        let received = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe cdescriptor_receive_plain(descriptor, buffer.baseAddress, buffer.count)
        }
        if received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return nil }
        try Self.check(received)
        return Array(bytes.prefix(received))
    }

    private static func check(_ received: Int) throws(WorkerProtocolError) {
        if received == 0 { throw .closed }
        if received < 0 && errno == EMSGSIZE { throw .malformed("size: more than \(MessageFormat.size)") }
        if received < 0 { throw failure("recvmsg", errno) }
    }

    private static func failure(_ call: String, _ number: CInt) -> WorkerProtocolError {
        number == EPIPE || number == ECONNRESET ? .closed : .system(call: call, number: number)
    }
}

/// Both ends of a new channel.
package struct ChannelPair: ~Copyable {
    package let service: Channel
    package let worker: Channel

    /// Both ends are closed on exec.
    package init() throws(WorkerProtocolError) {
        var descriptors: [CInt] = [-1, -1]
        // The array has room for the two that the call writes.
        let status = unsafe socketpair(
            AF_UNIX, CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &descriptors)
        guard status == 0 else { throw .system(call: "socketpair", number: errno) }
        service = Channel(owning: descriptors[0])
        worker = Channel(owning: descriptors[1])
    }

    /// Closes the worker's end, once a process has it.
    package consuming func keepingService() -> Channel { service }
}
