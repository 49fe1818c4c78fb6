/// A request's head as it was found on the wire, before any check.
struct RawHead: Sendable {
    typealias Field = (name: [UInt8], value: [UInt8])
    var method: [UInt8] = []
    /// The request target, undecoded.
    var target: [UInt8] = []
    /// `HTTP/1.1` or `HTTP/1.0`; libmicrohttpd refuses all others.
    var version: [UInt8] = []
    var fields: [Field] = []
    /// Request line and header section together.
    var byteCount = 0
    /// Whether the parts fill the head without a gap: one space between the parts of the request line, CR LF after each
    /// line. A NUL, a bare line feed or a folded line leaves a gap.
    var isContiguous = true
}
