import Glibc

/// One HTTP/1.1 connection to 127.0.0.1 over a plain socket. It blocks, and does only what it is told, so that tests can
/// also be rude: send half a request, send on after an answer, or leave.
package final class HTTPConnection {
    private let socket: CInt
    private var received: [UInt8] = []
    private var ended = false
    private var wasReset = false

    /// Reads and writes fail when nothing moves for `timeoutSeconds`.
    package init(port: Int, timeoutSeconds: Int = 60) throws {
        socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SupportError("socket: error \(errno)") }
        var time = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Everything is set, so deinit closes the socket also when this throws; closing it here too would close what
        // another test may have opened under its number meanwhile, a database for one.
        guard status == 0 else { throw SupportError("cannot connect to port \(port): error \(errno)") }
    }

    deinit { close(socket) }

    /// Sends all bytes; false when the peer no longer takes any.
    @discardableResult
    package func send(_ bytes: [UInt8]) throws -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE || errno == ECONNRESET { return false }
                throw SupportError("send: error \(errno)")
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    package func send(_ text: String) throws -> Bool { try send(Array(text.utf8)) }

    /// Says that nothing more will be sent.
    package func finishSending() { shutdown(socket, CInt(SHUT_WR)) }

    /// How a client treats an answer that comes while it is still sending.
    package enum Manner: Sendable {
        /// Looks for an answer between two pieces and stops sending when there is one.
        case attentive
        /// Sends everything before it reads, as most simple clients do; a refused byte is an error.
        case stubborn
    }

    /// Sends a request and reads its answer. With `Expect: 100-continue` the body waits for the interim answer.
    package func exchange(_ request: HTTPRequest, _ manner: Manner = .attentive) throws -> HTTPResponse {
        guard try send(request.head) else { throw SupportError("the peer closed before the request was sent") }
        var continues = 0
        let expects = request.headers.contains {
            $0.name.lowercased() == "expect" && $0.value.lowercased() == "100-continue"
        }
        if expects {
            let first = try readResponse(to: request.method)
            guard first.status == 100 else { return first }
            continues = 1
        }
        var sent: Int64 = 0
        for piece in request.pieces {
            if manner == .attentive, isReadable { break }
            guard try send(piece) else {
                if manner == .stubborn { throw SupportError("the peer refused the body after \(sent) bytes") }
                break
            }
            sent += Int64(piece.count)
        }
        var response = try readResponse(to: request.method)
        while response.status == 100 {
            continues += 1
            response = try readResponse(to: request.method)
        }
        response.continues = continues
        response.bodyBytesSent = sent
        return response
    }

    private var isReadable: Bool {
        if !received.isEmpty { return true }
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe Glibc.poll(&poll, 1, 0) > 0
    }

    /// Waits for the peer to close or reset the connection, and swallows what comes before; an error when it does not.
    package func isClosedByPeer() throws -> Bool {
        while try receive() { received.removeAll() }
        return true
    }

    // MARK: Reading

    /// Reads more; false at the end of the stream, or when the peer reset it.
    private func receive() throws -> Bool {
        guard !ended else { return false }
        var buffer = [UInt8](repeating: 0, count: 262_144)
        while true {
            let count = unsafe recv(socket, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            wasReset = count < 0 && errno == ECONNRESET
            if count < 0 && !wasReset { throw SupportError("recv: error \(errno) (\(received.count) bytes pending)") }
            ended = count <= 0
            if ended { return false }
            received += buffer[..<count]
            return true
        }
    }

    private func readLine() throws -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = received[..<end]
                received.removeSubrange(...end)
                return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            }
            guard try receive() else {
                throw SupportError("the stream ended in a line: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try receive() else { throw SupportError("the stream ended \(count - received.count) bytes early") }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// Reads one answer to a request with this method.
    package func readResponse(to method: String = "GET") throws -> HTTPResponse {
        let line = try readLine()
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw SupportError("not a status line: \(line)")
        }
        var response = HTTPResponse(status: status, headers: [], body: [])
        while true {
            let line = try readLine()
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { throw SupportError("not a header: \(line)") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            response.headers.append((String(line[..<colon]), String(value)))
        }
        if method != "HEAD" && status >= 200 && status != 204 && status != 304 {
            response.body = try readBody(of: response)
        }
        return response
    }

    private func readBody(of response: HTTPResponse) throws -> [UInt8] {
        if response["Transfer-Encoding"]?.lowercased() == "chunked" {
            var body: [UInt8] = []
            while true {
                let line = try readLine()
                guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else {
                    throw SupportError("not a chunk size: \(line)")
                }
                if size == 0 { break }
                body += try read(size)
                _ = try readLine()
            }
            while try !readLine().isEmpty {}
            return body
        }
        if let length = response["Content-Length"] {
            guard let count = Int(length) else { throw SupportError("not a Content-Length: \(length)") }
            return try read(count)
        }
        while try receive() {}
        if wasReset { throw SupportError("the connection was reset in the body") }
        defer { received.removeAll() }
        return received
    }
}
