package import Database
package import Domain

/// Credits reserved for one upload in flight.
package struct CreditHold: Sendable {
    package let id: HoldID
    /// Credits held.
    package private(set) var amount: Int64
    /// An upload must have ended by then: afterwards its credits may be somebody else's.
    package let expiresAt: Timestamp
    private let database: any DatabaseDriver
    private let time: any TimeSource

    init(id: HoldID, amount: Int64, expiresAt: Timestamp, database: any DatabaseDriver, time: any TimeSource) {
        self.id = id
        self.amount = amount
        self.expiresAt = expiresAt
        self.database = database
        self.time = time
    }

    /// Bytes that the hold pays for.
    package var coveredBytes: Int64 { amount * Credits.bytesPerCredit }

    /// Raises the hold until it pays for `bytes`. It grows by doubling, so that a long body of unknown length causes
    /// few writes, and by no more than needed where doubling is not affordable.
    ///
    /// - Throws: `insufficient_credits`.
    /// - Parameter limit: the most bytes that can come; no more is held than they cost.
    package mutating func grow(toCover bytes: Int64, ofAtMost limit: Int64 = .max) async throws(Failure) {
        let needed = Credits.cost(ofBytes: bytes)
        guard needed > amount else { return }
        for wanted in [max(needed, min(amount * 2, Credits.cost(ofBytes: limit))), needed] {
            let (id, now) = (id, time.now())
            let growth: GrowOutcome = try await database.writeForRequest(durability: .relaxed) {
                transaction throws(DatabaseError) in
                try transaction.credits.growHold(id, to: wanted, now: now)
            }
            switch growth {
            case .grown:
                amount = wanted
                return
            case .insufficient(let balance):
                // What this upload holds already is available to it.
                if wanted == needed { throw .insufficientCredits(required: needed, balance, ownHold: amount) }
            case .notOpen:
                throw .holdExpired
            }
        }
    }

    /// Gives the credits back. A hold that is no longer open is left alone.
    package func release(_ reason: ReleaseReason) async throws(Failure) {
        let (id, now) = (id, time.now())
        try await database.writeForRequest(durability: .relaxed) { transaction throws(DatabaseError) in
            _ = try transaction.credits.releaseHold(id, reason: reason, now: now)
        }
    }
}
