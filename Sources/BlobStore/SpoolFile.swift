internal import Crypto
package import Domain
internal import Glibc
internal import Synchronization
package import SystemCalls

/// The body of one upload on its way in: taken and hashed as it arrives, then stored or discarded. One that stays small is
/// held in memory and never gets a file: its bytes go into the database with the upload's record.
///
/// It has one user at a time, though that may be another thread each time. `discard` takes its name away; one that was
/// forgotten is taken away with the last reference, unless its content was being stored: then the name stays for the
/// recovery at the next start, which knows whether the content is referred to.
package final class SpoolFile: Sendable {
    package let upload: UploadID
    private let directory: String
    private let maximumBytesInMemory: Int
    private let state: Mutex<State>
    private static let writeAheadBytes: Int64 = 8 << 20

    private struct State: ~Copyable {
        /// Where the bytes are; empty once there is a file.
        var bytes: [UInt8] = []
        var file: OwnedDescriptor?
        var name: String
        var hasher = SHA256Hasher()
        var size: Int64 = 0
        /// Up to where the kernel was asked to write.
        var begunSize: Int64 = 0
        /// Known once the body is complete.
        var sha256: ContentHash?
        /// Set from `store` on: the organization in whose content this is being stored.
        var organization: OrganizationID?
        var isDiscarded = false
    }

    /// - Parameter maximumBytesInMemory: a body of more gets a file.
    init(_ upload: UploadID, in directory: String, maximumBytesInMemory: Int) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        self.upload = upload
        self.directory = directory
        self.maximumBytesInMemory = maximumBytesInMemory
        state = Mutex(State(name: name))
    }

    /// One whose bytes are whole already: a second name of the file of the same name in `source`.
    init(
        _ upload: UploadID, in directory: String, linking source: String, size: Int64, sha256: ContentHash
    ) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        do throws(SystemCallError) {
            _ = try FileSystem.link("\(source)/\(name)", to: "\(directory)/\(name)")
            let file = try FileSystem.open("\(directory)/\(name)", .read)
            let found = try file.regularFileSize()
            state = Mutex(State(file: file, name: name, size: found, sha256: sha256))
        } catch {
            if error.number == ENOENT { throw .notFound("\(source)/\(name)") }
            throw BlobStoreError(error)
        }
        self.upload = upload
        self.directory = directory
        maximumBytesInMemory = 0
        guard self.size == size else { throw .damaged("\(upload) has \(self.size) bytes; \(size) were received") }
    }

    deinit {
        let leftName = state.withLock { state in
            state.file == nil || state.isDiscarded || state.organization != nil ? nil : state.name
        }
        // A name that cannot be taken away now is taken away at the next start.
        if let leftName { _ = try? FileSystem.unlink("\(directory)/\(leftName)") }
    }

    /// Bytes so far.
    package var size: Int64 { state.withLock { $0.size } }

    /// The hash, once `finish` was called.
    package var sha256: ContentHash? { state.withLock { $0.sha256 } }

    /// The whole body, where it is complete and stayed in memory; nil where it has a file.
    package var bytesInMemory: [UInt8]? {
        state.withLock { $0.file == nil && $0.sha256 != nil ? $0.bytes : nil }
    }

    /// Takes the next bytes of the body, to memory or to the page cache: cheap enough for the thread that received them.
    package func append(_ bytes: RawSpan) throws(BlobStoreError) {
        try withState { state throws(BlobStoreError) in
            guard state.sha256 == nil, !state.isDiscarded else { throw .misuse("bytes after the end of the body") }
            if state.file == nil, bytes.byteCount > maximumBytesInMemory - state.bytes.count {
                state.file = try makeFile(named: state.name, beginningWith: state.bytes)
                state.bytes = []
            }
            do throws(SystemCallError) {
                if try state.file?.write(bytes) == nil {
                    // Copied before the call returns.
                    unsafe bytes.withUnsafeBytes { unsafe state.bytes.append(contentsOf: $0) }
                }
            } catch {
                throw BlobStoreError(error)
            }
            state.hasher.update(bytes)
            state.size += Int64(bytes.byteCount)
            // A large body reaches the disk while it arrives, and not all of it when it is synced.
            if state.size - state.begunSize >= Self.writeAheadBytes {
                state.file?.beginWriting(from: state.begunSize, count: state.size - state.begunSize)
                state.begunSize = state.size
            }
        }
    }

    private func makeFile(named name: String, beginningWith bytes: [UInt8]) throws(BlobStoreError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            let file = try FileSystem.open("\(directory)/\(name)", .create)
            do { try file.write(bytes) } catch {
                _ = try? FileSystem.unlink("\(directory)/\(name)")
                throw error
            }
            return file
        } catch {
            throw BlobStoreError(error)
        }
    }

    package func append(_ bytes: [UInt8]) throws(BlobStoreError) {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe try append(bytes.span.bytes)
    }

    /// Ends the body. Calling it again gives the same hash.
    package func finish() -> ContentHash {
        state.withLock { state in
            if let sha256 = state.sha256 { return sha256 }
            let sha256 = state.hasher.finalize()
            state.sha256 = sha256
            return sha256
        }
    }

    /// Up to `count` bytes from the beginning, to tell what the file is.
    package func prefix(_ count: Int) throws(BlobStoreError) -> [UInt8] {
        try withState { state throws(BlobStoreError) in
            do throws(SystemCallError) {
                return try state.file?.contents(at: 0, count: count) ?? Array(state.bytes.prefix(count))
            } catch {
                throw BlobStoreError(error)
            }
        }
    }

    /// A descriptor of the bytes that can only read, for a worker.
    package func openForReading() throws(BlobStoreError) -> OwnedDescriptor {
        let bytes = state.withLock { $0.file == nil ? $0.bytes : nil }
        do throws(SystemCallError) {
            if let bytes { return try OwnedDescriptor(inMemory: bytes) }
            return try FileSystem.open(path, .read)
        } catch {
            throw BlobStoreError(error)
        }
    }

    var path: String { state.withLock { "\(directory)/\($0.name)" } }

    /// Takes the file away. What was stored from it stays. Calling it again does nothing.
    package func discard() throws(BlobStoreError) {
        let name = state.withLock { state in
            defer { state.isDiscarded = true }
            return state.isDiscarded || state.file == nil ? nil : state.name
        }
        guard let name else { return }
        do throws(SystemCallError) {
            try FileSystem.unlink("\(directory)/\(name)")
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Makes the bytes durable and notes in the file's name whose content they become, so that a crash from here on
    /// leaves a name that says what may have been stored.
    func beginStoring(_ organization: OrganizationID) throws(BlobStoreError) -> ContentHash {
        try withState { state throws(BlobStoreError) in
            guard let sha256 = state.sha256, !state.isDiscarded else {
                throw .misuse("the body of \(upload) is not complete, or was discarded")
            }
            if let earlier = state.organization {
                guard earlier == organization else { throw .misuse("\(upload) is another organization's") }
                return sha256
            }
            let name = try BlobPath.storingName(upload, organization, sha256)
            do throws(SystemCallError) {
                guard try state.file?.sync() != nil else {
                    throw SystemCallError("fsync(\(state.name)), which has no file", EBADF)
                }
                try FileSystem.rename("\(directory)/\(state.name)", to: "\(directory)/\(name)")
            } catch {
                throw BlobStoreError(error)
            }
            state.name = name
            state.organization = organization
            return sha256
        }
    }

    private func withState<T: Sendable>(
        _ body: (inout sending State) throws(BlobStoreError) -> sending T
    ) throws(BlobStoreError) -> T {
        try state.withLock(body)
    }
}
