import Glibc

/// Interrupts a thread that waits in poll().
struct WakeUp: ~Copyable, Sendable {
    /// Readable when somebody signalled.
    let descriptor: Int32
    private let sender: Int32

    init() throws(HTTPError) {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &pair) == 0 else {
            throw .startFailed("socketpair failed: \(SystemError.text(errno))")
        }
        descriptor = pair[0]
        sender = pair[1]
    }

    deinit {
        close(descriptor)
        close(sender)
    }

    func signal() {
        // It fails only when the buffer is full of signals that wait to be taken.
        Socket.sendNow(sender, [1])
    }

    /// Takes in all signals so far. `buffer` is scratch space.
    func clear(buffer: inout [UInt8]) {
        while case .bytes = Socket.drop(descriptor, buffer: &buffer) {}
    }
}
