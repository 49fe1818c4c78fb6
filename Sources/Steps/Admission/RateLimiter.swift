package import Domain
import Synchronization

/// How a request stands with its limit, for the `X-RateLimit-*` header fields.
package struct RateLimitStatus: Hashable, Sendable {
    /// Requests per minute.
    package var limit: Int
    /// Requests that would pass now.
    package var remaining: Int
    /// When the bucket is full again, Unix seconds.
    package var resetSeconds: Int64

    package static let windowSeconds = 60
}

/// A request that was let through. Giving it back makes the limits as if it had not been made.
package struct RateLimitPass: Sendable {
    package let status: RateLimitStatus
    fileprivate let buckets: [RateLimiter.BucketKey]
}

/// Token buckets per organization and category, and per key where the key has a limit of its own.
///
/// The buckets live in this process: with several nodes behind one address, each applies the limits by itself.
package final class RateLimiter: Sendable {
    fileprivate enum BucketKey: Hashable, Sendable {
        case organization(InternalID, RateLimitCategory)
        case key(KeyID, RateLimitCategory)
    }

    private struct State {
        var buckets: [BucketKey: TokenBucket] = [:]
        var takes = 0
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    package init(time: any TimeSource) { self.time = time }

    /// Takes one request from every bucket that applies, or from none: a request that the key's own limit refuses
    /// consumes nothing of the organization's.
    ///
    /// - Throws: `rate_limit_exceeded` with `Retry-After`, and the status of the bucket that refused.
    package func take(_ category: RateLimitCategory, for caller: Caller) throws(Failure) -> RateLimitPass {
        let now = time.now()
        var wanted: [(key: BucketKey, limit: Int)] = [
            (.organization(caller.organization.internalID, category), caller.organization.effectiveRateLimits[category])
        ]
        if let limit = caller.key.rateLimitOverride { wanted.append((.key(caller.key.id, category), limit)) }

        let result: Result<RateLimitPass, Failure> = state.withLock { state in
            Self.forgetFullBuckets(&state, now: now)
            var buckets: [TokenBucket] = []
            for (key, limit) in wanted {
                var bucket = state.buckets[key] ?? TokenBucket(limit: limit, now: now)
                bucket.refill(limit: limit, now: now)
                guard bucket.canTake else {
                    return .failure(Self.refusal(category, bucket, now: now))
                }
                buckets.append(bucket)
            }
            for index in buckets.indices {
                buckets[index].take()
                state.buckets[wanted[index].key] = buckets[index]
            }
            let tightest = buckets.min { $0.remaining < $1.remaining } ?? buckets[0]
            return .success(RateLimitPass(status: Self.status(tightest, now: now), buckets: wanted.map(\.key)))
        }
        return try result.get()
    }

    /// How the organization stands with a category, taking nothing.
    package func status(_ category: RateLimitCategory, for caller: Caller) -> RateLimitStatus {
        let now = time.now()
        let limit = caller.organization.effectiveRateLimits[category]
        let key = BucketKey.organization(caller.organization.internalID, category)
        var bucket = state.withLock { $0.buckets[key] } ?? TokenBucket(limit: limit, now: now)
        bucket.refill(limit: limit, now: now)
        return Self.status(bucket, now: now)
    }

    /// Gives back what `take` took, for a request that another check refused.
    package func giveBack(_ pass: RateLimitPass) {
        state.withLock { state in
            for key in pass.buckets { state.buckets[key]?.giveBack() }
        }
    }

    private static func status(_ bucket: TokenBucket, now: Timestamp) -> RateLimitStatus {
        let full = now.adding(milliseconds: bucket.millisecondsUntilFull + 999)
        return RateLimitStatus(limit: bucket.limit, remaining: bucket.remaining, resetSeconds: full.seconds)
    }

    private static func refusal(_ category: RateLimitCategory, _ bucket: TokenBucket, now: Timestamp) -> Failure {
        let retryAfter = max(1, Int((bucket.millisecondsUntilToken + 999) / 1000))
        let status = status(bucket, now: now)
        return Failure(
            .tooManyRequests,
            "The limit of \(bucket.limit) \(category.rawValue) requests per minute is exhausted; "
                + "retry in \(retryAfter) s.",
            details: [
                "api_name": .string(category.rawValue), "limit": .integer(Int64(bucket.limit)),
                "window": .integer(Int64(RateLimitStatus.windowSeconds)),
                "retry_after_seconds": .integer(Int64(retryAfter)),
            ],
            retryAfterSeconds: retryAfter, headers: status.headers)
    }

    /// A full bucket says nothing that a new one would not, so it need not be kept.
    private static func forgetFullBuckets(_ state: inout State, now: Timestamp) {
        state.takes += 1
        guard state.takes % 8_192 == 0 else { return }
        state.buckets = state.buckets.compactMapValues { bucket in
            var bucket = bucket
            bucket.refill(limit: bucket.limit, now: now)
            return bucket.isFull ? nil : bucket
        }
    }
}

extension RateLimitStatus {
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset` (Unix seconds) and `-Window` (seconds).
    package var headers: [(name: String, value: String)] {
        [
            ("X-RateLimit-Limit", String(limit)), ("X-RateLimit-Remaining", String(remaining)),
            ("X-RateLimit-Reset", String(resetSeconds)), ("X-RateLimit-Window", String(Self.windowSeconds)),
        ]
    }
}
