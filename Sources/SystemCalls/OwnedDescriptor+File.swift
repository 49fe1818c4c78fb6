import CSystemCalls
import Glibc

/// What a program does to the contents of a file.
extension OwnedDescriptor {
    /// Writes all of it, in as many calls as it takes.
    package func write(_ bytes: RawSpan) throws(SystemCallError) {
        var written = 0
        while written < bytes.byteCount { written += try writeSome(bytes, written..<bytes.byteCount) }
    }

    /// Writes these of the bytes, or as many of them as one call takes.
    private func writeSome(_ bytes: RawSpan, _ range: Range<Int>) throws(SystemCallError) -> Int {
        while true {
            // The kernel reads the span's bytes during the call only.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(rawValue, buffer.baseAddress.map { unsafe $0 + range.lowerBound }, range.count)
            }
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemCallError("write", errno) }
        }
    }

    package func write(_ bytes: [UInt8]) throws(SystemCallError) {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe try write(bytes.span.bytes)
    }

    /// Writes all of it past the page cache, as far as file system, alignment and block size allow, else as `write` does. The
    /// kernel then neither copies it nor keeps it for readers, and the caller waits for the disk.
    ///
    /// - Parameter bytes: to be written at a multiple of 4,096 from the file's beginning, from memory aligned to as much.
    package func writeDirectly(_ bytes: RawSpan) throws(SystemCallError) {
        var written = 0
        let whole = bytes.byteCount / Self.blockBytes * Self.blockBytes
        if whole > 0, csystemcalls_bypass_cache(rawValue, true) == 0 {
            defer { _ = csystemcalls_bypass_cache(rawValue, false) }
            while written < whole, written % Self.blockBytes == 0 {
                do throws(SystemCallError) { written += try writeSome(bytes, written..<whole) } catch {
                    guard error.number == EINVAL else { throw error }
                    // The file system wants larger blocks than these.
                    break
                }
            }
        }
        try write(bytes.extracting(droppingFirst: written))
    }

    private static var blockBytes: Int { 4_096 }

    /// Up to `count` bytes from `offset` on, fewer only at the end of the file.
    package func contents(at offset: Int64, count: Int) throws(SystemCallError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            // The kernel writes at most what is left of the buffer.
            let received = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    rawValue, buffer.baseAddress.map { unsafe $0 + filled }, count - filled,
                    off_t(offset) + off_t(filled))
            }
            if received < 0 {
                guard errno == EINTR else { throw SystemCallError("pread", errno) }
            } else if received == 0 {
                break
            } else {
                filled += received
            }
        }
        return Array(buffer.prefix(filled))
    }

    /// Lets the kernel begin to write what is in the page cache from `offset` on, and waits for nothing: a later `sync` has
    /// less to wait for.
    package func beginWriting(from offset: Int64, count: Int64) { csystemcalls_begin_writing(rawValue, offset, count) }

    /// Returns when contents and attributes are on the disk. For a directory: its names.
    package func sync() throws(SystemCallError) {
        _ = try FileSystem.retrying("fsync") { fsync(rawValue) }
    }

    /// Cuts a file to its first `size` bytes.
    package func truncate(to size: Int64 = 0) throws(SystemCallError) {
        _ = try FileSystem.retrying("ftruncate") { ftruncate(rawValue, off_t(size)) }
    }

    /// The size of a regular file in bytes; EINVAL for anything else.
    package func regularFileSize() throws(SystemCallError) -> Int64 {
        let size = csystemcalls_regular_file_size(rawValue)
        guard size >= 0 else { throw SystemCallError("fstat", errno) }
        return Int64(size)
    }

    /// Takes the file's exclusive lock, which belongs to the open file and ends with its last descriptor.
    /// - Returns: false where somebody else has it.
    package func lockExclusively() throws(SystemCallError) -> Bool {
        do {
            _ = try FileSystem.retrying("flock") { flock(rawValue, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            guard error.number == EWOULDBLOCK else { throw error }
            return false
        }
    }
}
