package import Database
package import Domain
package import WorkerPool

/// Keeps the verdicts within their bounds of age and number.
package struct VerdictSweep: Sendable {
    private let database: any DatabaseDriver
    private let pool: ScanPool
    private let retentionDays: Int
    private let maximumCount: Int
    private let time: any TimeSource

    /// Other writes come in between.
    private static let batch = 500
    private static let maximumBatches = 100

    /// - Parameters:
    ///   - retentionDays: what is older is removed; 0 removes all.
    ///   - maximumCount: of all organizations together.
    package init(
        database: any DatabaseDriver, pool: ScanPool, retentionDays: Int, maximumCount: Int, time: any TimeSource
    ) {
        self.database = database
        self.pool = pool
        self.retentionDays = retentionDays
        self.maximumCount = maximumCount
        self.time = time
    }

    /// Removes what is too old, what is left of deleted organizations and what is too much: of that first the verdicts
    /// of other scanners than the one at work, then the oldest.
    ///
    /// - Returns: how many.
    package func run() async throws(DatabaseError) -> Int {
        let end = retentionDays == 0 ? Timestamp.never : time.now().adding(seconds: -Int64(retentionDays) * 86_400)
        var removed = try await repeatedly { transaction, limit throws(DatabaseError) in
            try transaction.verdicts.removeScanned(by: end, limit: limit)
        }
        removed += try await repeatedly { transaction, limit throws(DatabaseError) in
            try transaction.verdicts.removeOfDeletedOrganizations(limit: limit)
        }
        let count = try database.read { transaction throws(DatabaseError) in try transaction.verdicts.count() }
        var excess = count - maximumCount
        let scanner = pool.status.scanner?.fingerprint
        for _ in 0..<Self.maximumBatches where excess > 0 {
            let limit = min(excess, Self.batch)
            let gone = try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                try transaction.verdicts.removeOldest(limit: limit, sparing: scanner)
            }
            guard gone > 0 else { break }
            (excess, removed) = (excess - gone, removed + gone)
        }
        return removed
    }

    private func repeatedly(
        _ remove: @escaping @Sendable (any Transaction, Int) throws(DatabaseError) -> Int
    ) async throws(DatabaseError) -> Int {
        var removed = 0
        for _ in 0..<Self.maximumBatches {
            let gone = try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                try remove(transaction, Self.batch)
            }
            removed += gone
            if gone < Self.batch { break }
        }
        return removed
    }
}
