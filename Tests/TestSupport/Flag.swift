import Glibc
import Synchronization

/// A flag that one thread clears and others watch.
package final class Flag: Sendable {
    private let value = Atomic(true)
    package init() {}
    package var isSet: Bool { value.load(ordering: .acquiring) }
    package func clear() { value.store(false, ordering: .releasing) }
}

/// Sends a signal to a process; false when there is none.
package func sendSignal(_ signal: Int32, to process: Int32) -> Bool { kill(process, signal) == 0 }

package func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
