import Glibc

/// Waits until one of several descriptors can be read or has ended.
package struct ReadinessPoll {
    private var entries: [pollfd] = []

    package init() {}

    /// Borrows the descriptor until `wait` returns. The index is for `isReady`.
    package mutating func add(_ descriptor: CInt) -> Int {
        entries.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        return entries.count - 1
    }

    /// Waits for at most `milliseconds`, for ever where that is nil. An interruption by a signal counts as nothing
    /// ready.
    package mutating func wait(milliseconds: Int?) throws(SystemCallError) {
        let timeout = milliseconds.map { CInt(clamping: max(0, $0)) } ?? -1
        // The kernel reads and writes the array, whose size it is told.
        let count = unsafe entries.withUnsafeMutableBufferPointer {
            unsafe poll($0.baseAddress, nfds_t($0.count), timeout)
        }
        guard count >= 0 || errno == EINTR else { throw SystemCallError("poll", errno) }
        if count < 0 { for index in entries.indices { entries[index].revents = 0 } }
    }

    /// Whether the descriptor has something to read, its end included.
    package func isReady(_ index: Int) -> Bool { entries[index].revents != 0 }
}
