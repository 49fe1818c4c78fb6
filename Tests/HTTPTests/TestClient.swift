import Foundation
import Glibc

/// An answer as it came over the wire.
struct WireResponse: Sendable {
    let status: Int
    let head: String
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
        for line in head.components(separatedBy: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }

    /// `error.code` of the envelope.
    var errorCode: String? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            object["success"] as? Bool == false, object["status"] as? Int == status
        else { return nil }
        return (object["error"] as? [String: Any])?["code"] as? String
    }
}

/// A socket that sends and receives exactly what a test says.
final class TestClient: Sendable {
    let descriptor: Int32
    private let buffer = Buffer()

    private final class Buffer: @unchecked Sendable {
        // One test thread uses a client at a time.
        var bytes: [UInt8] = []
    }

    init(port: UInt16, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        if var size = receiveBufferBytes {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Everything is set, so deinit closes the socket also when this throws; closing it here too would close what
        // another test may have opened under its number meanwhile, a database for one.
        guard status == 0 else { throw TestProblem("connect failed: \(errno)") }
    }

    /// Takes over a connected socket.
    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        guard sendWhatFits(bytes) == bytes.count else { throw TestProblem("send failed: \(errno)") }
    }

    /// Sends until it fails; gives how many bytes went out.
    func sendWhatFits(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Resets the connection instead of closing it in order.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// More bytes into the buffer; false at the end.
    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw TestProblem("recv failed: \(errno)") }
        buffer.bytes += chunk.prefix(count)
        return count > 0
    }

    /// Whether nothing comes for `milliseconds`.
    func isSilent(forMilliseconds milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return buffer.bytes.isEmpty && (unsafe poll(&watched, 1, milliseconds)) == 0
    }

    func readUntil(_ end: String) throws -> String {
        let mark = Array(end.utf8)
        while true {
            if let range = buffer.bytes.firstRange(of: mark) {
                let text = String(decoding: buffer.bytes[..<range.upperBound], as: UTF8.self)
                buffer.bytes.removeSubrange(..<range.upperBound)
                return text
            }
            guard try fill() else {
                throw TestProblem("the connection ended after: \(String(decoding: buffer.bytes, as: UTF8.self))")
            }
        }
    }

    func readBody(_ count: Int) throws -> [UInt8] {
        while buffer.bytes.count < count {
            guard try fill() else { throw TestProblem("the connection ended within a body") }
        }
        defer { buffer.bytes.removeSubrange(..<count) }
        return Array(buffer.bytes.prefix(count))
    }

    /// The next answer; a `100 Continue` counts as one.
    func readResponse(toHead: Bool = false) throws -> WireResponse {
        let head = String(try readUntil("\r\n\r\n").dropLast(2))
        let parts = head.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
            throw TestProblem("no status line: \(head)")
        }
        let length = WireResponse(status: status, head: head, body: []).header("Content-Length").flatMap { Int($0) }
        let hasBody = !toHead && status >= 200 && status != 204 && status != 304
        return WireResponse(status: status, head: head, body: hasBody ? try readBody(length ?? 0) : [])
    }

    /// Everything up to the end of the connection, which must come in order.
    func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { buffer.bytes = [] }
        return buffer.bytes
    }

    /// Whether the connection ends, in order or not, with nothing more said.
    func isClosed() -> Bool {
        do { return try readToEnd().isEmpty } catch { return errno == ECONNRESET }
    }

    func exchange(_ text: String, toHead: Bool = false) throws -> WireResponse {
        try send(text)
        return try readResponse(toHead: toHead)
    }
}
