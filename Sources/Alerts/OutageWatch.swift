package import Database
package import Domain

/// Finds out which organizations are to be told of an outage, and of its end. What uploads met is in the database, so
/// that a restart in between changes nothing.
package struct OutageWatch: Sendable {
    private let database: any DatabaseDriver
    private let node: String
    private let thresholdMilliseconds: Int64
    private let isClassifierAvailable: @Sendable () -> Bool

    /// - Parameter thresholdSeconds: how long an outage lasts before it is told, and how long the classifier must have
    ///   been back without a break before an outage is over.
    package init(
        database: any DatabaseDriver, node: String, thresholdSeconds: Int,
        isClassifierAvailable: @escaping @Sendable () -> Bool
    ) {
        self.database = database
        self.node = node
        thresholdMilliseconds = Int64(thresholdSeconds) * 1_000
        self.isClassifierAvailable = isClassifierAvailable
    }

    /// What one process knows of its classifier.
    package struct State {
        /// When it was first seen away without having been back for good since: a classifier that comes and goes is away.
        fileprivate var unavailableSince: Timestamp?
        /// When the present steady presence began.
        fileprivate var availableSince: Timestamp?
        fileprivate var isFirstLook = true
        package init() {}
    }

    /// - Returns: how many alerts of outages that are over were taken back, since no mail had told them yet.
    @discardableResult
    package func look(_ state: inout State, now: Timestamp) async throws(DatabaseError) -> Int {
        let (isAvailable, node) = (isClassifierAvailable(), node)
        let outages = try database.read { transaction throws(DatabaseError) in
            try transaction.outages.open(ofNode: node)
        }
        note(isAvailable, outages, in: &state, now: now)
        let (since, back) = (state.unavailableSince, state.availableSince)
        let lasting = outages.filter { outage in
            guard !isAvailable, outage.toldAt == nil, let since else { return false }
            return since.adding(milliseconds: thresholdMilliseconds) <= now
        }
        // An upload that met the outage shows that the classifier was not back yet, where no look fell into its absence.
        let over = outages.compactMap { outage -> (outage: GateOutage, end: Timestamp)? in
            guard let end = back.map({ max($0, outage.lastAt) }),
                end.adding(milliseconds: thresholdMilliseconds) <= now
            else { return nil }
            return (outage, end)
        }
        var takenBack = 0
        if !lasting.isEmpty || !over.isEmpty {
            takenBack = try await database.write { transaction throws(DatabaseError) in
                for outage in lasting { try transaction.outages.tell(outage, since: since, node: node, at: now) }
                var count = 0
                for (outage, end) in over {
                    count += try transaction.outages.end(outage, since: since, until: end, node: node, at: now)
                }
                return count
            }
        }
        // Only now, so that a failed write does not lose when it began.
        if let back, back.adding(milliseconds: thresholdMilliseconds) <= now { state.unavailableSince = nil }
        return takenBack
    }

    private func note(_ isAvailable: Bool, _ outages: [GateOutage], in state: inout State, now: Timestamp) {
        if isAvailable {
            // The clock may have been put back.
            state.availableSince = min(state.availableSince ?? now, now)
        } else {
            state.availableSince = nil
            let known = state.isFirstLook ? beginning(of: outages, now: now) : nil
            state.unavailableSince = min(state.unavailableSince ?? known ?? now, now)
        }
        state.isFirstLook = false
    }

    /// When an outage began that goes on from before the process started: one that was told, or that was met a moment
    /// ago. A row that was left behind long ago says nothing of the time between.
    private func beginning(of outages: [GateOutage], now: Timestamp) -> Timestamp? {
        outages.filter { $0.toldAt != nil || $0.lastAt.adding(milliseconds: thresholdMilliseconds) > now }
            .map(\.startedAt).min()
    }
}
