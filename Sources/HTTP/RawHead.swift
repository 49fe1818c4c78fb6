/// A request's head as it was found on the wire, before any check.
package struct RawHead: Sendable {
    package typealias Field = (name: [UInt8], value: [UInt8])
    package var method: [UInt8] = []
    /// The request target, undecoded.
    package var target: [UInt8] = []
    /// `HTTP/1.1` or `HTTP/1.0`; libmicrohttpd refuses all others.
    package var version: [UInt8] = []
    package var fields: [Field] = []
    /// Request line and header section together.
    package var byteCount = 0
    /// Whether the parts fill the head without a gap: one space between the parts of the request line, CR LF after each
    /// line. A NUL, a bare line feed or a folded line leaves a gap.
    package var isContiguous = true

    package init() {}
}
