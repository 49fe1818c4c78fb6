import Execution
import Glibc
import Synchronization

/// A server on the loopback that notes what webhooks send it, and answers as it is told.
package final class Receiver: Sendable {
    package struct Message: Sendable {
        package let path: String
        /// Names in lower case.
        package let headers: [String: String]
        package let body: [UInt8]

        package var json: JSON { get throws { try JSON(parsing: String(decoding: body, as: UTF8.self)) } }
        package var eventID: String { headers["x-portcullis-event-id"] ?? "" }
        package var kind: String { headers["x-portcullis-event"] ?? "" }
        package var signature: String { headers["x-portcullis-signature"] ?? "" }
    }

    /// What becomes of one message.
    package enum Reply: Sendable {
        case status(Int, headers: String = "", body: String = "")
        /// Bytes as they are: the first ones at once, then the same again and again, until the other side goes.
        case trickle(String = "", then: String, pauseMilliseconds: Int)
        /// No answer until the other side goes.
        case silence
        /// The connection is closed without an answer.
        case hangUp
    }

    private struct State {
        var messages: [Message] = []
        var listener: CInt = -1
    }

    private let state = Mutex(State())
    private let reply: Mutex<@Sendable (Message) -> Reply>
    package let port: Int

    package init(_ reply: @escaping @Sendable (Message) -> Reply = { _ in .status(204) }) throws {
        self.reply = Mutex(reply)
        let (listener, port) = try Self.listen(port: 0)
        self.port = port
        state.withLock { $0.listener = listener }
        accept(on: listener)
    }

    deinit { close() }

    package var url: String { "http://127.0.0.1:\(port)/hook" }
    package var messages: [Message] { state.withLock { $0.messages } }

    package func answer(_ reply: @escaping @Sendable (Message) -> Reply) { self.reply.withLock { $0 = reply } }

    /// Refuses connections from now on.
    package func close() {
        let listener = state.withLock { state in
            defer { state.listener = -1 }
            return state.listener
        }
        guard listener >= 0 else { return }
        // Ends the accept that waits in another thread, which closes it.
        shutdown(listener, CInt(SHUT_RDWR))
    }

    /// Takes connections again, on the same port.
    package func reopen() throws {
        let (listener, _) = try Self.listen(port: port)
        state.withLock { $0.listener = listener }
        accept(on: listener)
    }

    /// Waits for so many messages that satisfy `condition`.
    package func wait(
        for count: Int, seconds: Double = 60, where condition: (Message) -> Bool = { _ in true }
    ) throws -> [Message] {
        for _ in 0..<Int(seconds * 50) {
            let found = messages.filter(condition)
            if found.count >= count { return found }
            pause(milliseconds: 20)
        }
        throw SupportError("\(messages.filter(condition).count) messages came; expected \(count)")
    }

    private static func listen(port: Int) throws -> (CInt, Int) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var yes: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(descriptor, raw, length) == 0 && Glibc.listen(descriptor, 128) == 0
                    && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard isBound else { throw SupportError("cannot listen on port \(port): errno \(errno)") }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    private func accept(on listener: CInt) {
        Execution.Thread.start { [weak self] in
            while true {
                let connection = Glibc.accept(listener, nil, nil)
                guard connection >= 0 else {
                    if errno == EINTR { continue }
                    Glibc.close(listener)
                    return
                }
                Execution.Thread.start { [weak self] in
                    self?.serve(connection)
                    Glibc.close(connection)
                }
            }
        }
    }

    private func serve(_ connection: CInt) {
        guard let message = Self.read(from: connection) else { return }
        let reply = reply.withLock { $0 }(message)
        state.withLock { $0.messages.append(message) }
        switch reply {
        case .status(let status, let headers, let body):
            Self.write(
                "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)",
                to: connection)
        case .trickle(let start, let text, let milliseconds):
            Self.write(start, to: connection)
            while Self.write(text, to: connection) { pause(milliseconds: milliseconds) }
        case .silence:
            var byte: UInt8 = 0
            while unsafe recv(connection, &byte, 1, 0) > 0 {}
        case .hangUp: break
        }
    }

    @discardableResult
    private static func write(_ text: String, to connection: CInt) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe Array(rest).withUnsafeBytes { bytes in
                unsafe send(connection, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func read(from connection: CInt) -> Message? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var end: Int?
        var length = 0
        while end == nil || bytes.count < (end ?? 0) + length {
            let count = unsafe recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
            if end == nil, let found = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                end = found.upperBound
                let head = String(decoding: bytes[..<found.lowerBound], as: UTF8.self).lowercased()
                let field = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                length = field.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
            }
        }
        let lines = String(decoding: bytes[..<((end ?? 4) - 4)], as: UTF8.self).components("\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        let path = lines.first?.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        return Message(path: path, headers: headers, body: Array(bytes[(end ?? 0)...]))
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
