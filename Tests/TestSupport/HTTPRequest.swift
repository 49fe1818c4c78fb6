/// A request as a test words it; nothing is added but `Host`, and `Content-Length` or `Transfer-Encoding` where the body
/// asks for it.
package struct HTTPRequest: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// `prefix`, then as many zero bytes as make `length`; sent in pieces, never held whole.
        case zeros(after: [UInt8] = [], length: Int64)
        /// Each element is one chunk of `Transfer-Encoding: chunked`.
        case chunks([[UInt8]])
        /// Announces `length` bytes and sends only these.
        case truncated([UInt8], length: Int64)

        /// The value of `Content-Length`, nil without one.
        var length: Int64? {
            switch self {
            case .none, .chunks: nil
            case .bytes(let bytes): Int64(bytes.count)
            case .zeros(_, let length), .truncated(_, let length): length
            }
        }
    }

    package var method: String
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: Body

    package init(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: Body = .none
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    package init(_ method: String, _ target: String, json: JSON) {
        self.init(method, target, headers: [("Content-Type", "application/json")], body: .bytes(json.encoded))
    }

    package func adding(_ name: String, _ value: String) -> HTTPRequest {
        var request = self
        request.headers.append((name, value))
        return request
    }

    package func authorized(by key: String?) -> HTTPRequest {
        key.map { adding("Authorization", "Bearer \($0)") } ?? self
    }

    package var head: [UInt8] {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"]
        lines += headers.map { "\($0.name): \($0.value)" }
        if case .chunks = body { lines.append("Transfer-Encoding: chunked") }
        if let length = body.length { lines.append("Content-Length: \(length)") }
        return Array((lines + ["", ""]).joined(separator: "\r\n").utf8)
    }

    /// The body as it goes over the wire, piece by piece.
    package var pieces: AnySequence<[UInt8]> {
        switch body {
        case .none: AnySequence([])
        case .bytes(let bytes), .truncated(let bytes, _): AnySequence([bytes])
        case .chunks(let chunks):
            AnySequence(
                chunks.map { Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + Array("\r\n".utf8) }
                    + [Array("0\r\n\r\n".utf8)])
        case .zeros(let prefix, let length):
            AnySequence(
                sequence(state: (sent: Int64(0), started: false)) { state -> [UInt8]? in
                    if !state.started {
                        state = (Int64(prefix.count), true)
                        return prefix
                    }
                    guard state.sent < length else { return nil }
                    let count = min(262_144, length - state.sent)
                    state.sent += count
                    return [UInt8](repeating: 0, count: Int(count))
                })
        }
    }
}
