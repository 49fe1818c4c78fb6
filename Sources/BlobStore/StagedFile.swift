internal import Crypto
package import Domain
internal import Glibc
internal import Synchronization
internal import SystemCalls

/// The bytes of an announced upload, as they arrive: they stay when a connection breaks and when the service starts
/// anew, until the upload is over. Whoever has it open has it alone, in whatever process.
package final class StagedFile: Sendable {
    package let upload: UploadID
    private let directory: String
    private let name: String
    private let state: Mutex<State>

    private struct State: ~Copyable {
        let file: OwnedDescriptor
        var hasher = SHA256Hasher()
        var size: Int64
        /// Bytes from the beginning that the hasher has seen: all, or none where an earlier connection brought some.
        var hashedSize: Int64
    }

    /// Throws `inUse` while somebody else has it open.
    init(_ upload: UploadID, in directory: String) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        let path = "\(directory)/\(name)"
        do throws(SystemCallError) {
            let file = try FileSystem.open(path, .append)
            let isMine = try file.lockExclusively()
            let size = isMine ? try file.regularFileSize() : -1
            state = Mutex(State(file: file, size: size, hashedSize: 0))
        } catch {
            throw BlobStoreError(error)
        }
        self.upload = upload
        self.directory = directory
        self.name = name
        if state.withLock({ $0.size }) < 0 { throw .inUse(path) }
    }

    /// Bytes so far.
    package var size: Int64 { state.withLock { $0.size } }

    /// Forgets what has arrived.
    package func restart() throws(BlobStoreError) {
        try withState { state throws(SystemCallError) in
            try state.file.truncate()
            state.hasher = SHA256Hasher()
            (state.size, state.hashedSize) = (0, 0)
        }
    }

    /// Writes the next bytes, to the page cache: cheap enough for the thread that received them.
    package func append(_ bytes: RawSpan) throws(BlobStoreError) {
        try withState { state throws(SystemCallError) in
            do throws(SystemCallError) { try state.file.write(bytes) } catch {
                // What was written of them before a full disk is not counted, and must not be found by a resumption.
                try? state.file.truncate(to: state.size)
                throw error
            }
            if state.hashedSize == state.size {
                state.hasher.update(bytes)
                state.hashedSize += Int64(bytes.byteCount)
            }
            state.size += Int64(bytes.byteCount)
        }
    }

    /// Makes bytes and name durable. What several connections brought is read once, here, and not for each of them.
    /// - Returns: the hash of all bytes.
    package func finish() throws(BlobStoreError) -> ContentHash {
        let sha256 = try withState { state throws(SystemCallError) in
            try state.file.sync()
            while state.hashedSize < state.size {
                let piece = try state.file.contents(
                    at: state.hashedSize, count: Int(min(1_048_576, state.size - state.hashedSize)))
                guard !piece.isEmpty else { throw SystemCallError("pread", EIO) }
                state.hasher.update(piece)
                state.hashedSize += Int64(piece.count)
            }
            return state.hasher.finalize()
        }
        do throws(SystemCallError) { try FileSystem.syncDirectory(directory) } catch { throw BlobStoreError(error) }
        return sha256
    }

    /// Takes the bytes away.
    package func discard() throws(BlobStoreError) {
        do throws(SystemCallError) { try FileSystem.unlink("\(directory)/\(name)") } catch {
            throw BlobStoreError(error)
        }
    }

    private func withState<T: Sendable>(
        _ body: (inout sending State) throws(SystemCallError) -> sending T
    ) throws(BlobStoreError) -> T {
        do throws(SystemCallError) { return try state.withLock(body) } catch { throw BlobStoreError(error) }
    }
}
