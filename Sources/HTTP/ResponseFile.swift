import Glibc
import Synchronization

/// A part of an open file to be sent. Owns the descriptor: it is closed once, whether it was sent or not.
package final class ResponseFile: Sendable {
    private let descriptor: Mutex<Int32>
    /// Where the part begins, in bytes.
    package let offset: Int64
    /// How many bytes it has.
    package let length: Int64

    /// Takes over `descriptor`, which is open for reading on a regular file.
    package init(owning descriptor: Int32, offset: Int64 = 0, length: Int64) {
        precondition(
            descriptor >= 0 && offset >= 0 && length >= 0, "a response needs an open file and a valid part of it")
        self.descriptor = Mutex(descriptor)
        self.offset = offset
        self.length = length
    }

    deinit {
        let descriptor = take()
        // Nothing was written through it, so closing it can lose nothing.
        if descriptor >= 0 { close(descriptor) }
    }

    /// The descriptor, which stays owned by this; -1 after `take()`.
    var borrowed: Int32 { descriptor.withLock { $0 } }

    /// Hands the descriptor over to the caller; -1 when it was handed over before.
    func take() -> Int32 {
        descriptor.withLock { descriptor in
            defer { descriptor = -1 }
            return descriptor
        }
    }
}
