/// Why a sandbox could not be entered. A process that gets one must not read untrusted bytes.
package enum SandboxError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another thread would stay outside: it could undo what this one is denied.
    case severalThreads(Int)
    /// The parent was gone before its death could be watched.
    case orphaned
    /// The user that was dropped to can become root again.
    case privilegesRemain
    /// /proc/self/status cannot be read or lacks the field.
    case processStatusUnavailable(String)
    /// A step failed with this error number.
    case system(step: String, number: CInt)

    package var description: String {
        switch self {
        case .severalThreads(let count): "\(count) threads are running, expected one"
        case .orphaned: "the parent process is gone"
        case .privilegesRemain: "the process can become root again"
        case .processStatusUnavailable(let what): "/proc/self/status: \(what)"
        case .system(let step, let number): "\(step) failed with error \(number)"
        }
    }
}
