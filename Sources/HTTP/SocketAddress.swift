import Glibc

/// An IP address and a port.
struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// `127.0.0.1`, `::1`.
    var host: String
    var port: UInt16
    var isIPv6: Bool

    var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    init(host: String, port: UInt16, isIPv6: Bool) {
        self.host = host
        self.port = port
        self.isIPv6 = isIPv6
    }

    /// Reads `127.0.0.1:8080` or `[::1]:8080`; nil for anything else, names of hosts too.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        let isIPv6 = host.hasPrefix("[")
        if isIPv6 {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        }
        self.init(host: String(host), port: port, isIPv6: isIPv6)
        guard unsafe withSocketAddress({ _, _ in true }) == true else { return nil }
    }

    /// Calls `body` with the address as the kernel wants it; nil where the host is no address.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            guard unsafe inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return nil }
            return unsafe Self.rebind(&address, body)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
        return unsafe Self.rebind(&address, body)
    }

    private static func rebind<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// The address of the peer; nil when it is gone already.
    static func remote(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getpeername(descriptor, $0, $1) }
    }

    /// The address that a socket is bound to.
    static func local(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getsockname(descriptor, $0, $1) }
    }

    private static func read(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        // The largest address that a server here is bound to.
        var storage = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { storage -> SocketAddress? in
            let status = unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, &size) }
            guard status == 0 else { return nil }
            switch Int32(unsafe storage.pointee.sin6_family) {
            case AF_INET:
                let address = unsafe UnsafeRawPointer(storage).load(as: sockaddr_in.self)
                return host(AF_INET, address.sin_addr).map {
                    SocketAddress(host: $0, port: UInt16(bigEndian: address.sin_port), isIPv6: false)
                }
            case AF_INET6:
                let address = unsafe storage.pointee
                return host(AF_INET6, address.sin6_addr).map {
                    SocketAddress(host: $0, port: UInt16(bigEndian: address.sin6_port), isIPv6: true)
                }
            default: return nil
            }
        }
    }

    private static func host(_ family: Int32, _ address: some Any) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        return unsafe withUnsafePointer(to: address) { address in
            unsafe text.withUnsafeMutableBufferPointer { text in
                guard let base = text.baseAddress,
                    unsafe inet_ntop(family, address, base, socklen_t(text.count)) != nil
                else { return nil }
                return unsafe String(cString: base)
            }
        }
    }
}
