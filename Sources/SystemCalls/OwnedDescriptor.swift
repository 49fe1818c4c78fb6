import CSystemCalls
import Glibc

/// A file descriptor with one owner, closed at the owner's end.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// Borrowed.
    package let rawValue: CInt

    package init(owning rawValue: CInt) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }

    /// Gives the ownership away: the caller closes it.
    package consuming func release() -> CInt {
        let rawValue = rawValue
        discard self
        return rawValue
    }

    /// Closes it now, and tells what the kernel has to say: for a file that was written, that may be the first word of a
    /// failed write.
    package consuming func close() throws(SystemCallError) {
        let rawValue = rawValue
        discard self
        // Interrupted or not, the descriptor is closed.
        guard Glibc.close(rawValue) == 0 || errno == EINTR else { throw SystemCallError("close", errno) }
    }

    /// The same open file as `descriptor`, read-only: whoever is handed it can change nothing, not even by a writable
    /// mapping.
    package init(readingAgain descriptor: CInt) throws(SystemCallError) {
        var opened: CInt
        repeat {
            // The path is a C string during the call. /proc leads to the file even where its name is gone.
            opened = unsafe open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw SystemCallError("open(/proc/self/fd/\(descriptor))", errno) }
        rawValue = opened
    }

    /// A file in memory that holds `bytes`, open for reading only: for whoever takes files and nothing else.
    package init(inMemory bytes: [UInt8]) throws(SystemCallError) {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe try self.init(inMemory: bytes.span.bytes)
    }

    package init(inMemory bytes: RawSpan) throws(SystemCallError) {
        let file = csystemcalls_memory_file()
        guard file >= 0 else { throw SystemCallError("memfd_create", errno) }
        let writable = OwnedDescriptor(owning: file)
        try writable.write(bytes)
        self = try OwnedDescriptor(readingAgain: writable.rawValue)
    }

    /// Whether `descriptor` is open for reading and nothing else.
    package static func isReadOnly(_ descriptor: CInt) throws(SystemCallError) -> Bool {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0 else { throw SystemCallError("fcntl(F_GETFL)", errno) }
        return flags & O_ACCMODE == O_RDONLY
    }

    /// What can be read without waiting, at most `count` bytes: nil where nothing is there yet, empty at the end.
    /// For a non-blocking descriptor.
    package func readAvailable(_ count: Int) throws(SystemCallError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        var received: Int
        repeat {
            // The kernel writes at most the buffer's size.
            received = unsafe buffer.withUnsafeMutableBytes { unsafe read(rawValue, $0.baseAddress, $0.count) }
        } while received < 0 && errno == EINTR
        if received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return nil }
        guard received >= 0 else { throw SystemCallError("read", errno) }
        return Array(buffer.prefix(received))
    }
}
