import CSystemCalls
import Glibc

/// Interrupts a thread that polls: `signal` from any thread makes `descriptor` readable until `clear`.
package final class WakeUp: Sendable {
    package let descriptor: CInt

    /// A process that cannot have this one descriptor when it starts has no use for the rest.
    package init() {
        descriptor = csystemcalls_event_counter()
        precondition(descriptor >= 0, "eventfd failed with error \(errno)")
    }

    deinit { close(descriptor) }

    package func signal() {
        var one: UInt64 = 1
        // A full counter (EAGAIN) is readable already.
        while unsafe write(descriptor, &one, 8) < 0 && errno == EINTR {}
    }

    package func clear() {
        var count: UInt64 = 0
        while unsafe read(descriptor, &count, 8) < 0 && errno == EINTR {}
    }
}
