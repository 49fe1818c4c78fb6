internal import Crypto
package import Domain
internal import Glibc
internal import Synchronization
package import SystemCalls

/// The body of one upload on its way in: taken and hashed as it arrives, then stored or discarded. Where its bytes are
/// meanwhile is `SpoolContent`'s matter; a small one never gets a file, nor does one that is rejected or whose content is
/// there already, unless it is large.
///
/// It has one user at a time, though that may be another thread each time. `discard` takes its name away; one that was
/// forgotten is taken away with the last reference, unless its content was being stored: then the name stays for the
/// recovery at the next start, which knows whether the content is referred to.
package final class SpoolFile: Sendable {
    package let upload: UploadID
    private let directory: String
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var content: SpoolContent
        var hasher = SHA256Hasher()
        /// Known once the body is complete.
        var sha256: ContentHash?
        /// Set from `store` on: the organization in whose content this is being stored.
        var organization: OrganizationID?
        var isDiscarded = false

        init(_ content: consuming SpoolContent, sha256: ContentHash? = nil) {
            self.content = content
            self.sha256 = sha256
        }
    }

    init(_ upload: UploadID, in directory: String, limits: SpoolContent.Limits) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        self.upload = upload
        self.directory = directory
        state = Mutex(State(SpoolContent(path: "\(directory)/\(name)", limits: limits)))
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
            state = Mutex(
                State(SpoolContent(file: file, path: "\(directory)/\(name)", size: found), sha256: sha256))
        } catch {
            if error.number == ENOENT { throw .notFound("\(source)/\(name)") }
            throw BlobStoreError(error)
        }
        self.upload = upload
        self.directory = directory
        guard self.size == size else { throw .damaged("\(upload) has \(self.size) bytes; \(size) were received") }
    }

    deinit {
        let leftPath = state.withLock { state in
            state.content.leaveMemory()
            return !state.content.hasFile || state.isDiscarded || state.organization != nil ? nil : state.content.path
        }
        // A name that cannot be taken away now is taken away at the next start.
        if let leftPath { _ = try? FileSystem.unlink(leftPath) }
    }

    /// Bytes so far.
    package var size: Int64 { state.withLock { $0.content.size } }

    /// The hash, once `finish` was called.
    package var sha256: ContentHash? { state.withLock { $0.sha256 } }

    /// The whole body, where it is complete and the database keeps it.
    package var bytesForDatabase: [UInt8]? {
        state.withLock { $0.sha256 == nil ? nil : $0.content.bytesForDatabase }
    }

    /// Whether there is no file: nothing was written of the body.
    var isInMemory: Bool { state.withLock { !$0.content.hasFile } }

    var path: String { state.withLock { $0.content.path } }

    /// Takes the next bytes of the body, to memory or to the page cache: cheap enough for the thread that received them.
    package func append(_ bytes: RawSpan) throws(BlobStoreError) {
        try withState { state throws(BlobStoreError) in
            guard state.sha256 == nil, !state.isDiscarded else { throw .misuse("bytes after the end of the body") }
            do throws(SystemCallError) { try state.content.append(bytes) } catch { throw BlobStoreError(error) }
            state.hasher.update(bytes)
        }
    }

    package func append(_ bytes: [UInt8]) throws(BlobStoreError) {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe try append(bytes.span.bytes)
    }

    /// Whether `flush` is to be called before more is taken, on a thread that may wait.
    package var needsFlush: Bool { state.withLock { $0.content.isFull } }

    /// Writes to the disk what waits for it.
    package func flush() throws(BlobStoreError) {
        try withState { state throws(BlobStoreError) in
            do throws(SystemCallError) { try state.content.flush() } catch { throw BlobStoreError(error) }
        }
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
            do throws(SystemCallError) { return try state.content.prefix(count) } catch { throw BlobStoreError(error) }
        }
    }

    /// A descriptor of the bytes that can only read, for a worker.
    package func openForReading() throws(BlobStoreError) -> OwnedDescriptor {
        try withState { state throws(BlobStoreError) in
            guard !state.isDiscarded else { throw .misuse("the body of \(upload) was discarded") }
            do throws(SystemCallError) { return try state.content.openForReading() } catch {
                throw BlobStoreError(error)
            }
        }
    }

    /// Takes the file away. What was stored from it stays. Calling it again does nothing.
    package func discard() throws(BlobStoreError) {
        let path = state.withLock { state in
            defer { state.isDiscarded = true }
            state.content.leaveMemory()
            return state.isDiscarded || !state.content.hasFile ? nil : state.content.path
        }
        guard let path else { return }
        do throws(SystemCallError) {
            try FileSystem.unlink(path)
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Makes the bytes durable, in a file whose name says whose content they become, so that a crash from here on leaves a
    /// name that says what may have been stored.
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
            do throws(SystemCallError) { try state.content.makeDurable(at: "\(directory)/\(name)") } catch {
                throw BlobStoreError(error)
            }
            state.organization = organization
            return sha256
        }
    }

    private func withState<T: Sendable & ~Copyable>(
        _ body: (inout sending State) throws(BlobStoreError) -> sending T
    ) throws(BlobStoreError) -> T {
        try state.withLock(body)
    }
}
