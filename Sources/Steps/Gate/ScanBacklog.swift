package import Domain
import Synchronization
import Telemetry

/// The uploads that are on their way to a scan, by organization. It refuses an upload before its body where its turn would
/// not come in time: better for the client than to send it and wait, and for an organization that fails open better than an
/// upload that gets in unscanned because somebody floods the queue.
package final class ScanBacklog: Sendable {
    /// What the classifier can do at the moment.
    package struct Capacity: Sendable {
        package var workers: Int
        /// Of a file, lately, without waiting.
        package var meanScanSeconds: Double

        package init(workers: Int, meanScanSeconds: Double) {
            self.workers = workers
            self.meanScanSeconds = meanScanSeconds
        }
    }

    private struct Line {
        /// Whose body is on its way.
        var receiving = 0
        /// Whose body is whole.
        var waiting = 0
        var isEmpty: Bool { receiving == 0 && waiting == 0 }
    }

    private struct State {
        var lines: [OrganizationID: Line] = [:]
        /// How long bodies took lately.
        var meanReceptionSeconds = 0.0
    }

    private let state = Mutex(State())
    private let maximumWaitSeconds: Double
    private let maximumLine: Double

    /// - Parameters:
    ///   - maximumWaitMilliseconds: an upload whose turn is expected later is refused.
    ///   - maximumLine: so many may be before it; the workers' queue takes no more.
    package init(maximumWaitMilliseconds: Int, maximumLine: Int = .max) {
        maximumWaitSeconds = Double(maximumWaitMilliseconds) / 1000
        self.maximumLine = Double(maximumLine)
    }

    /// An upload's place, kept until the last reference goes.
    package final class Place: Sendable {
        private let backlog: ScanBacklog
        private let organization: OrganizationID
        private let begunAt = SystemTime.monotonicSeconds()
        private let isReceiving: Atomic<Bool>

        fileprivate init(_ backlog: ScanBacklog, _ organization: OrganizationID, isReceiving: Bool) {
            self.backlog = backlog
            self.organization = organization
            self.isReceiving = Atomic(isReceiving)
        }

        deinit { backlog.leave(organization, isReceiving: isReceiving.load(ordering: .relaxed)) }

        /// The body is whole.
        package func received() {
            guard isReceiving.exchange(false, ordering: .relaxed) else { return }
            backlog.received(organization, after: SystemTime.monotonicSeconds() - begunAt)
        }
    }

    /// - Parameter isReceiving: whether the upload's body is yet to come.
    /// - Throws: `overloaded`, with the seconds until the line will be short enough.
    package func enter(
        _ organization: OrganizationID, isReceiving: Bool, capacity: Capacity
    ) throws(Failure) -> Place {
        let excess: Double? = state.withLock { state in
            let wait = expectedWait(of: organization, capacity, state)
            if wait > maximumWaitSeconds { return wait - maximumWaitSeconds }
            if isReceiving {
                state.lines[organization, default: Line()].receiving += 1
            } else {
                state.lines[organization, default: Line()].waiting += 1
            }
            return nil
        }
        if let excess {
            throw Failure(
                .overloaded, "More uploads wait to be checked than can be checked in time.",
                retryAfterSeconds: Int(min(60, max(1, excess.rounded(.up)))))
        }
        return Place(self, organization, isReceiving: isReceiving)
    }

    /// Organizations take turns: before an upload come those of its own line, and of every other line as many, and one.
    /// So whoever has nothing waiting is delayed by one upload of each other, however many these have.
    private func expectedWait(of organization: OrganizationID, _ capacity: Capacity, _ state: State) -> Double {
        // A body that takes long reaches the queue late, and then is one of few.
        let share = min(1, maximumWaitSeconds / max(maximumWaitSeconds, state.meanReceptionSeconds))
        func length(_ line: Line) -> Double { Double(line.waiting) + Double(line.receiving) * share }
        let own = state.lines[organization].map(length) ?? 0
        var before = own
        for (other, line) in state.lines where other != organization { before += min(length(line), own + 1) }
        let seconds = before * capacity.meanScanSeconds / Double(max(1, capacity.workers))
        return before < maximumLine ? seconds : max(seconds, maximumWaitSeconds + capacity.meanScanSeconds)
    }

    private func received(_ organization: OrganizationID, after seconds: Double) {
        state.withLock { state in
            state.meanReceptionSeconds += (seconds - state.meanReceptionSeconds) / 16
            state.lines[organization]?.receiving -= 1
            state.lines[organization]?.waiting += 1
        }
    }

    private func leave(_ organization: OrganizationID, isReceiving: Bool) {
        state.withLock { state in
            if isReceiving {
                state.lines[organization]?.receiving -= 1
            } else {
                state.lines[organization]?.waiting -= 1
            }
            if state.lines[organization]?.isEmpty == true { state.lines[organization] = nil }
        }
    }
}
