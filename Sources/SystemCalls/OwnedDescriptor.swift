import Glibc

/// A file descriptor with one owner, closed at the owner's end.
package struct OwnedDescriptor: ~Copyable {
    /// Borrowed.
    package let rawValue: CInt

    package init(owning rawValue: CInt) { self.rawValue = rawValue }

    deinit { close(rawValue) }

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
