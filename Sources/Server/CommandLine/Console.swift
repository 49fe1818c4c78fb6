import Domain
import Execution
import Glibc
import Synchronization

/// What the command line writes for people and pipes.
enum Console {
    static func print(_ text: String) { write(text + "\n", to: 1) }
    static func error(_ text: String) { write(text + "\n", to: 2) }

    /// Whether standard error is a terminal, on which progress may be drawn.
    static var hasTerminal: Bool { isatty(2) == 1 }

    /// Draws over the current line of the terminal.
    static func progress(_ text: String) { write("\r\u{1b}[K\(text)", to: 2) }

    private static func write(_ text: String, to descriptor: CInt) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                // A result that got lost is no success, least of all a secret that is shown once. 74 is EX_IOERR.
                if descriptor == 1 { exit(74) }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }
}

/// Runs asynchronous work from the command line's synchronous top, and waits for it.
func runBlocking<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    let done = Semaphore()
    let result = Mutex<Result<T, any Error>?>(nil)
    Task {
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        result.withLock { $0 = outcome }
        done.signal()
    }
    done.wait()
    guard let outcome = result.withLock({ $0 }) else { throw Failure(.internal) }
    return try outcome.get()
}
