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
    let continuation: CheckedContinuation<ScanReport, Never>
    /// When its present wait began, in seconds of the monotonic clock.
    var queuedAt: Double
    /// What became of the workers that broke on it.
    var failures: [ScanFailure] = []
    /// The places of those workers.
    var failedSlots: [Int] = []
    /// It was taken off its worker for others' sake, and runs again when nothing else of its organization does.
    var runsAlone = false
}

/// How a worker failed a file; the raw values are labels of metrics.
enum ScanFailure: String, CaseIterable, Sendable {
    /// It died, or sent what it must not.
    case crash
    case deadline
    /// It found no memory any more, or was killed from outside, which is what the kernel does where memory is short.
    case memory
    /// Its model failed on a known input, too: no file is to blame.
    case inference
}
