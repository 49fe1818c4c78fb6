/// Why a server could not be set up or started.
package enum HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting cannot be used; the text names it and the expected format.
    case invalidConfiguration(String)
    /// The listening socket could not be made: the failed call and its `errno`.
    case socket(operation: String, address: String, code: Int32)
    /// libmicrohttpd or the kernel refused to start; the text is libmicrohttpd's own complaint where it made one.
    case startFailed(String)
    /// The server was started before.
    case alreadyStarted

    package var description: String {
        switch self {
        case .invalidConfiguration(let text): text
        case .socket(let operation, let address, let code):
            "cannot listen on \(address): \(operation) failed: \(SystemError.text(code))"
        case .startFailed(let text): "the HTTP server did not start: \(text)"
        case .alreadyStarted: "the HTTP server was started before"
        }
    }
}
