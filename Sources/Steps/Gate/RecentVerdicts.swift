import Domain
import Synchronization

/// The last verdicts of this process: they bridge the time from the end of a scan until its upload is in the database.
final class RecentVerdicts: Sendable {
    private struct State {
        var verdicts: [ScanSubject: ScanVerdict] = [:]
        /// In the order in which they came; the oldest goes first.
        var order: [ScanSubject] = []
    }
    private let state = Mutex(State())
    private static let capacity = 256

    func insert(_ verdict: ScanVerdict) {
        state.withLock { state in
            if state.verdicts.updateValue(verdict, forKey: verdict.subject) != nil { return }
            state.order.append(verdict.subject)
            if state.order.count > Self.capacity { state.verdicts[state.order.removeFirst()] = nil }
        }
    }

    func find(_ subject: ScanSubject) -> ScanVerdict? { state.withLock { $0.verdicts[subject] } }
}
