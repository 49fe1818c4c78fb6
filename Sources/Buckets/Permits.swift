import Synchronization

/// How many may do something at once; who comes later is not kept waiting. Searches read much, and must leave readers of
/// the database to the other requests.
final class Permits: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    /// Whether one was left; then `end` gives it back.
    func begin() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }

    func end() { left.withLock { $0 += 1 } }
}
