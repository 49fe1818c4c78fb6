import Domain

/// How the transfers at once are shared out between webhooks, by how long their targets take.
///
/// A target that answers well, but only after half a minute, is no outage, and a few of them would take every thread. So
/// those that are known to be slow get half, those of which nothing is known yet one at a time and, with the slow ones,
/// three quarters; the rest is kept for those that were quick.
struct SenderShares: Sendable {
    /// Of the attempts with each target that ended, in milliseconds, the newest weighing most.
    private var means: [WebhookID: Int64] = [:]
    /// When those under way began.
    private var begins: [WebhookID: [ContinuousClock.Instant]] = [:]

    private enum Pace { case quick, unknown, slow }

    private let slowLimit: Int
    private let unprovenLimit: Int

    /// From here on a target is slow, also while the attempt is still under way.
    private static let slowMilliseconds: Int64 = 1_000
    /// Where there are more, all are measured anew.
    private static let maximumTargets = 10_000

    /// - Parameter parallelism: transfers at once.
    init(parallelism: Int) {
        slowLimit = max(1, parallelism / 2)
        unprovenLimit = max(1, parallelism * 3 / 4)
    }

    /// How many more attempts may be made with a webhook.
    func room(for webhook: WebhookID, at now: ContinuousClock.Instant) -> Int {
        switch pace(of: webhook, at: now) {
        case .quick: .max
        case .unknown: min(1 - (begins[webhook]?.count ?? 0), unprovenLimit - underWay(at: now) { $0 != .quick })
        case .slow:
            min(slowLimit - underWay(at: now) { $0 == .slow }, unprovenLimit - underWay(at: now) { $0 != .quick })
        }
    }

    mutating func begin(_ webhook: WebhookID, at now: ContinuousClock.Instant) {
        begins[webhook, default: []].append(now)
    }

    /// - Parameter began: what `begin` was told.
    mutating func end(_ webhook: WebhookID, began: ContinuousClock.Instant, at now: ContinuousClock.Instant) {
        guard var left = begins[webhook], let index = left.firstIndex(of: began) else { return }
        left.remove(at: index)
        begins[webhook] = left.isEmpty ? nil : left
        let milliseconds = Self.milliseconds(from: began, to: now)
        if means.count >= Self.maximumTargets, means[webhook] == nil { means = [:] }
        means[webhook] = means[webhook].map { ($0 * 3 + milliseconds) / 4 } ?? milliseconds
    }

    private func underWay(at now: ContinuousClock.Instant, where isCounted: (Pace) -> Bool) -> Int {
        begins.reduce(0) { sum, entry in sum + (isCounted(pace(of: entry.key, at: now)) ? entry.value.count : 0) }
    }

    private func pace(of webhook: WebhookID, at now: ContinuousClock.Instant) -> Pace {
        let isLate = begins[webhook]?.contains { Self.milliseconds(from: $0, to: now) >= Self.slowMilliseconds }
        if isLate == true { return .slow }
        guard let mean = means[webhook] else { return .unknown }
        return mean >= Self.slowMilliseconds ? .slow : .quick
    }

    private static func milliseconds(from start: ContinuousClock.Instant, to end: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = (end - start).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
