package import Domain
import Synchronization

/// Counts failed authentications per address, so that nobody can try keys without end.
///
/// Behind a proxy many clients have one address. An address that failed too often is therefore not shut out: whoever
/// shows a credential that was good lately is let through to the check, and only unknown credentials are refused
/// unseen. Memory is bounded, whatever the number of addresses and credentials.
package final class FailedAttempts: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Timestamp
    }

    private struct State {
        var buckets: [String: Bucket] = [:]
        /// Two generations: when the younger is full, the older is forgotten.
        var good: Set<ContentHash> = []
        var goodBefore: Set<ContentHash> = []
    }

    private static let maximumAddresses = 8_192
    private static let maximumGood = 4_096

    private let limit: Int
    private let time: any TimeSource
    private let state = Mutex(State())

    /// - Parameter limit: failures per minute and address.
    package init(limit: Int, time: any TimeSource) {
        self.limit = limit
        self.time = time
    }

    /// - Parameter credential: the hash of what is shown, nil where that is nothing that could be one.
    /// - Throws: `rate_limit_exceeded` where the address failed too often and the credential was not good lately.
    package func admit(_ credential: ContentHash?, from address: String) throws(Failure) {
        let now = time.now()
        let name = Self.name(of: address)
        let waitMilliseconds = state.withLock { state -> Int64? in
            if let credential, state.good.contains(credential) || state.goodBefore.contains(credential) { return nil }
            guard let bucket = state.buckets[name] else { return nil }
            let tokens = filled(bucket, now: now)
            return tokens >= 1 ? nil : Int64(((1 - tokens) * 60_000 / Double(limit)).rounded(.up))
        }
        guard let waitMilliseconds else { return }
        let seconds = max(1, Int((waitMilliseconds + 999) / 1000))
        throw Failure(
            .tooManyRequests, "Too many failed authentications from this address; retry in \(seconds) s.",
            details: [
                "api_name": "authentication", "limit": .integer(Int64(limit)), "window": 60,
                "retry_after_seconds": .integer(Int64(seconds)),
            ], retryAfterSeconds: seconds)
    }

    package func noteFailure(of credential: ContentHash?, from address: String) {
        let now = time.now()
        let name = Self.name(of: address)
        state.withLock { state in
            if let credential {
                state.good.remove(credential)
                state.goodBefore.remove(credential)
            }
            if state.buckets[name] == nil, state.buckets.count >= Self.maximumAddresses { forget(&state, now: now) }
            let tokens = state.buckets[name].map { filled($0, now: now) } ?? Double(limit)
            state.buckets[name] = Bucket(tokens: max(0, tokens - 1), filledAt: now)
        }
    }

    package func noteSuccess(of credential: ContentHash) {
        state.withLock { state in
            guard !state.good.contains(credential) else { return }
            if state.good.count >= Self.maximumGood {
                state.goodBefore = state.good
                state.good = []
            }
            state.good.insert(credential)
        }
    }

    /// Makes room: those that failed least are forgotten, half of all.
    private func forget(_ state: inout State, now: Timestamp) {
        let byTokens = state.buckets.sorted { filled($0.value, now: now) < filled($1.value, now: now) }
        state.buckets = Dictionary(uniqueKeysWithValues: byTokens.prefix(Self.maximumAddresses / 2).map { ($0, $1) })
    }

    private func filled(_ bucket: Bucket, now: Timestamp) -> Double {
        // A wall clock that was set back gives nothing.
        let elapsed = max(0, now.milliseconds - bucket.filledAt.milliseconds)
        return min(Double(limit), bucket.tokens + Double(elapsed) * Double(limit) / 60_000)
    }

    /// One IPv6 subscriber has 2^64 addresses: they count as one.
    private static func name(of address: String) -> String {
        guard address.contains(":"), !address.contains(".") else { return address }
        var groups: [Substring] = []
        for group in address.split(separator: ":", omittingEmptySubsequences: false).prefix(4) {
            // "::" stands for zeros up to the last groups, which are not of interest here.
            if group.isEmpty && !groups.isEmpty { break }
            groups.append(group)
        }
        return groups.joined(separator: ":") + "::/64"
    }
}
