import Domain
import Synchronization
import WorkerPool

/// The scans under way, so that whoever brings the same bytes meanwhile waits for the one scan.
final class ScanFlights: Sendable {
    /// What makes two scans the same one.
    struct Key: Hashable, Sendable {
        let organization: InternalID
        let sha256: ContentHash
        let mediaType: MediaType
        /// nil as long as no worker was ever ready.
        let scanner: ContentHash?
        /// A client does not wait for a scan that has to let every client's go first.
        let priority: ScanPriority
    }

    enum Turn: Sendable {
        /// The caller scans, and calls `end` with what came of it, whatever it is.
        case lead
        case ended(CheckedScan)
        case cancelled
    }

    private typealias Waiters = [UInt64: CheckedContinuation<Turn, Never>]
    private struct State {
        var flights: [Key: Waiters] = [:]
        var nextID: UInt64 = 1
    }
    private let state = Mutex(State())

    /// Returns at once for the first, and for the others when the first has ended. Cancelling the task ends its waiting.
    func join(_ key: Key) async -> Turn {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let leads = state.withLock { state in
                    let leads = state.flights[key] == nil
                    if leads { state.flights[key] = [:] } else { state.flights[key]?[id] = continuation }
                    return leads
                }
                if leads { return continuation.resume(returning: .lead) }
                // A cancellation that came before found nobody waiting.
                if Task.isCancelled { leave(key, id) }
            }
        } onCancel: {
            leave(key, id)
        }
    }

    private func leave(_ key: Key, _ id: UInt64) {
        state.withLock { $0.flights[key]?.removeValue(forKey: id) }?.resume(returning: .cancelled)
    }

    /// Ends the scan of the one that leads.
    func end(_ key: Key, with scan: CheckedScan) {
        let waiters = state.withLock { $0.flights.removeValue(forKey: key) }
        for waiter in (waiters ?? [:]).values { waiter.resume(returning: .ended(scan)) }
    }
}
