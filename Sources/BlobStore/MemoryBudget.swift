internal import Synchronization

/// How many bytes of bodies may be held in memory at the same time.
final class MemoryBudget: Sendable {
    private let free: Mutex<Int>

    init(bytes: Int) { free = Mutex(bytes) }

    /// Takes all of `bytes`, or nothing.
    func take(_ bytes: Int) -> Bool {
        free.withLock { free in
            guard bytes <= free else { return false }
            free -= bytes
            return true
        }
    }

    func giveBack(_ bytes: Int) { free.withLock { $0 += bytes } }

    var freeBytes: Int { free.withLock { $0 } }
}
