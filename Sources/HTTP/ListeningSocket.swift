import Glibc

/// A bound, listening, non-blocking TCP socket. It is closed with its owner.
struct ListeningSocket: ~Copyable, Sendable {
    let descriptor: Int32
    /// As bound: with the port that was chosen where 0 was asked for.
    let address: SocketAddress

    init(_ text: String, backlog: Int) throws(HTTPError) {
        guard let wanted = SocketAddress(text) else {
            throw .invalidConfiguration(
                "the address '\(text)' cannot be listened on; expected an IP address and a port, such as "
                    + "127.0.0.1:8080 or [::1]:8080")
        }
        let family = wanted.isIPv6 ? AF_INET6 : AF_INET
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .socket(operation: "socket", address: text, code: errno) }
        do throws(HTTPError) {
            try Self.prepare(descriptor, wanted, backlog: backlog)
            guard let address = SocketAddress.local(of: descriptor) else {
                throw .socket(operation: "getsockname", address: text, code: errno)
            }
            self.descriptor = descriptor
            self.address = address
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    private static func prepare(_ descriptor: Int32, _ address: SocketAddress, backlog: Int) throws(HTTPError) {
        var yes: Int32 = 1
        // A restart must not wait for the connections of the process before it to time out.
        guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
        else { throw .socket(operation: "setsockopt", address: address.description, code: errno) }
        let bound = unsafe address.withSocketAddress { unsafe bind(descriptor, $0, $1) }
        guard bound == 0 else { throw .socket(operation: "bind", address: address.description, code: errno) }
        guard listen(descriptor, Int32(backlog)) == 0 else {
            throw .socket(operation: "listen", address: address.description, code: errno)
        }
    }
}
