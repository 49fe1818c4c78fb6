import Foundation

/// Wakes threads that wait for a change. A waiter may miss a broadcast that comes between its check and its wait, so it
/// waits only so long and looks again.
final class Condition: Sendable {
    private let condition = NSCondition()

    func broadcast() { condition.broadcast() }

    func wait(milliseconds: Int) {
        condition.lock()
        _ = condition.wait(until: Date(timeIntervalSinceNow: Double(milliseconds) / 1000))
        condition.unlock()
    }
}
