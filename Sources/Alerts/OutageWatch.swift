package import Database
package import Domain

/// Finds out which organizations are to be told of an outage, and of its end. What uploads met is in the database, so
/// that a restart in between changes nothing.
package struct OutageWatch: Sendable {
    private let database: any DatabaseDriver
    private let node: String
    private let thresholdSeconds: Int
    private let isClassifierAvailable: @Sendable () -> Bool

    package init(
        database: any DatabaseDriver, node: String, thresholdSeconds: Int,
        isClassifierAvailable: @escaping @Sendable () -> Bool
    ) {
        self.database = database
        self.node = node
        self.thresholdSeconds = thresholdSeconds
        self.isClassifierAvailable = isClassifierAvailable
    }

    /// What one process knows of its classifier.
    package struct State {
        fileprivate var unavailableSince: Timestamp?
        package init() {}
    }

    package func look(_ state: inout State, now: Timestamp) async throws(DatabaseError) {
        let (isAvailable, node) = (isClassifierAvailable(), node)
        state.unavailableSince = isAvailable ? nil : state.unavailableSince ?? now
        let outages = try database.read { transaction throws(DatabaseError) in
            try transaction.outages.open(ofNode: node)
        }
        guard !outages.isEmpty else { return }
        let threshold = Int64(thresholdSeconds) * 1_000
        let unavailableSince = state.unavailableSince
        let lasting = outages.filter { outage in
            outage.toldAt == nil
                && Self.length(of: outage, unavailableSince: unavailableSince, now: now) >= threshold
        }
        // Quiet for as long as an outage must last: one that comes and goes is told once.
        let over = outages.filter { outage in
            isAvailable && outage.lastAt.adding(milliseconds: threshold) <= now
                && !lasting.contains { $0.organization == outage.organization }
        }
        guard !lasting.isEmpty || !over.isEmpty else { return }
        try await database.write { transaction throws(DatabaseError) in
            for outage in lasting { try transaction.outages.tell(outage, node: node, at: now) }
            for outage in over { try transaction.outages.end(outage, node: node, at: now) }
        }
    }

    /// From the first upload that met it to the last one, or to now where the classifier has not been back since. In
    /// milliseconds.
    private static func length(of outage: GateOutage, unavailableSince: Timestamp?, now: Timestamp) -> Int64 {
        let seen = outage.lastAt.milliseconds - outage.startedAt.milliseconds
        let running = unavailableSince.map { now.milliseconds - max($0, outage.startedAt).milliseconds } ?? 0
        return max(seen, running)
    }
}
