package import Domain
import Glibc

/// How grave a log line is.
package enum LogLevel: String, CaseIterable, Comparable, Sendable {
    case debug
    case info
    case warning
    case error

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// Structured log: one JSON object a line, with `time`, `level`, `event` and the event's own fields.
package struct Logger: Sendable {
    private let minimumLevel: LogLevel
    private let write: @Sendable (String) -> Void

    /// `write` takes one whole line with its line feed. The default writes to standard error with one system call, so
    /// that lines of several threads do not mix.
    package init(
        minimumLevel: LogLevel = .info, write: @escaping @Sendable (String) -> Void = Logger.writeToStandardError
    ) {
        self.minimumLevel = minimumLevel
        self.write = write
    }

    /// Whether a line of this level is written: to spare the making of one that is not.
    package func writes(_ level: LogLevel) -> Bool { level >= minimumLevel }

    package func debug(_ event: String, _ fields: JSONObject = [:]) { log(.debug, event, fields) }
    package func info(_ event: String, _ fields: JSONObject = [:]) { log(.info, event, fields) }
    package func warning(_ event: String, _ fields: JSONObject = [:]) { log(.warning, event, fields) }
    package func error(_ event: String, _ fields: JSONObject = [:]) { log(.error, event, fields) }

    private func log(_ level: LogLevel, _ event: String, _ fields: JSONObject) {
        guard writes(level) else { return }
        var line: JSONObject = [
            "time": .string(SystemTime().now().iso8601), "level": .string(level.rawValue), "event": .string(event),
        ]
        for (name, value) in fields { line[name] = value }
        write(JSONValue.object(line).encoded + "\n")
    }

    package static let writeToStandardError: @Sendable (String) -> Void = { line in
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            // Nobody is left to be told that the log cannot be written.
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
