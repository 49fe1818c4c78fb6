import Synchronization
import SystemCalls

/// What tasks tell the supervisor's thread.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case scan(PendingScan)
        /// The task that waits for this scan was cancelled.
        case cancel(id: UInt64)
        /// Everything that waits is to be answered: the classifier was taken out of service.
        case clearQueue
        /// The continuation is resumed when no worker is left.
        case shutDown(CheckedContinuation<Void, Never>?)
    }

    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wakeUp = WakeUp()

    /// For polling.
    var descriptor: CInt { wakeUp.descriptor }

    /// False, with the message untouched, where nobody reads any more.
    func post(_ message: Message) -> Bool {
        let posted = state.withLock { state in
            guard !state.isClosed else { return false }
            state.messages.append(message)
            return true
        }
        if posted { wakeUp.signal() }
        return posted
    }

    func takeAll() -> [Message] {
        wakeUp.clear()
        return state.withLock { state in
            defer { state.messages.removeAll(keepingCapacity: true) }
            return state.messages
        }
    }

    /// Accepts no more; what was left.
    func close() -> [Message] {
        state.withLock { state in
            state.isClosed = true
            defer { state.messages.removeAll() }
            return state.messages
        }
    }
}

/// A scan on its way through the pool.
struct PendingScan: Sendable {
    let id: UInt64
    var job: ScanJob
    let continuation: CheckedContinuation<ScanOutcome, Never>
    /// When its present wait began, in seconds of the monotonic clock.
    var queuedAt: Double
    /// What became of the workers that broke on it.
    var failures: [ScanFailure] = []
}

/// How a worker failed a file.
enum ScanFailure: Sendable {
    /// It died, or sent what it must not.
    case broken
    case deadline
    /// Its model failed on a known input, too: no file is to blame.
    case inference
}
