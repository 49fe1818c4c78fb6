import Domain

/// When what failed is tried again: the pause grows fourfold from attempt to attempt, up to four hours.
package struct RetrySchedule: Sendable {
    private let baseMilliseconds: Int64
    let giveUpMilliseconds: Int64

    private static let maximumPauseMilliseconds: Int64 = 4 * 3_600_000
    private static let maximumOutagePauseMilliseconds: Int64 = 300_000

    /// - Parameters:
    ///   - baseMilliseconds: the first pause.
    ///   - giveUpSeconds: how long after the event nothing is tried any more.
    package init(baseMilliseconds: Int, giveUpSeconds: Int) {
        self.baseMilliseconds = Int64(baseMilliseconds)
        giveUpMilliseconds = Int64(giveUpSeconds) * 1_000
    }

    /// - Parameter failures: those of this delivery until now, 1 after the first.
    /// - Returns: nil where the time is over.
    func nextAttempt(_ delivery: Delivery, failures: Int, now: Timestamp) -> Timestamp? {
        var pause = baseMilliseconds
        for _ in 1..<max(2, min(failures, 16)) where failures > 1 {
            pause = min(pause * 4, Self.maximumPauseMilliseconds)
        }
        // Half a pause of chance keeps those that failed together from coming back together.
        let next = now.adding(milliseconds: pause + Int64.random(in: 0...max(1, pause / 2)))
        return next < delivery.createdAt.adding(milliseconds: giveUpMilliseconds) ? next : nil
    }

    /// Until when a webhook that has failed so often in a row is left in peace, whatever waits for it.
    func outageEnd(failures: Int, threshold: Int, now: Timestamp) -> Timestamp? {
        guard failures >= threshold else { return nil }
        var pause = baseMilliseconds
        for _ in threshold..<min(failures, threshold + 16) {
            pause = min(pause * 2, Self.maximumOutagePauseMilliseconds)
        }
        return now.adding(milliseconds: pause)
    }
}
