/// Cuts what a worker writes to standard error into lines of bounded length and number.
struct LineSplitter {
    static let maximumLineBytes = 1024
    /// Between two scans. A worker that writes more is broken or hostile, and floods the log.
    static let maximumBytes = 65_536

    private var line: [UInt8] = []
    private var total = 0

    /// The lines that `bytes` complete; nil where the worker wrote too much.
    mutating func append(_ bytes: [UInt8]) -> [String]? {
        total += bytes.count
        guard total <= Self.maximumBytes else { return nil }
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if !line.isEmpty { lines.append(takeLine()) }
            } else {
                line.append(byte)
                if line.count == Self.maximumLineBytes { lines.append(takeLine()) }
            }
        }
        return lines
    }

    /// What stands after the last line feed.
    mutating func finish() -> String? { line.isEmpty ? nil : takeLine() }

    /// A scan ended well: the worker may write again.
    mutating func allowMore() { total = 0 }

    private mutating func takeLine() -> String {
        defer { line.removeAll() }
        return String(decoding: line, as: UTF8.self)
    }
}
