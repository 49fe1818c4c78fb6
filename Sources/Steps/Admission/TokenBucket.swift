import Domain

/// A bucket that holds up to `limit` tokens and gains `limit` a minute.
struct TokenBucket: Sendable {
    private(set) var limit: Int
    private(set) var tokens: Double
    private var refilledAt: Timestamp

    init(limit: Int, now: Timestamp) {
        self.limit = limit
        tokens = Double(limit)
        refilledAt = now
    }

    /// Brings the bucket up to `now` and to a limit that may have changed: a raised limit gives the difference at
    /// once, a lowered one cuts what is over it.
    mutating func refill(limit newLimit: Int, now: Timestamp) {
        if newLimit != limit {
            tokens += Double(max(0, newLimit - limit))
            limit = newLimit
        }
        // A wall clock that was set back gives no tokens and takes none.
        let elapsed = max(0, now.milliseconds - refilledAt.milliseconds)
        tokens = min(Double(limit), tokens + Double(elapsed) * Double(limit) / 60_000)
        refilledAt = now
    }

    var canTake: Bool { tokens >= 1 }
    mutating func take() { tokens -= 1 }
    mutating func giveBack() { tokens = min(Double(limit), tokens + 1) }

    var isFull: Bool { tokens >= Double(limit) }
    var remaining: Int { Int(tokens) }

    /// Milliseconds until a token is there.
    var millisecondsUntilToken: Int64 { millisecondsUntil(1) }
    /// Milliseconds until the bucket is full.
    var millisecondsUntilFull: Int64 { millisecondsUntil(Double(limit)) }

    private func millisecondsUntil(_ wanted: Double) -> Int64 {
        Int64((max(0, wanted - tokens) * 60_000 / Double(limit)).rounded(.up))
    }
}
