internal import Crypto
package import Domain
internal import Glibc
internal import Synchronization
package import SystemCalls

/// The body of one upload on its way in: taken and hashed as it arrives, then stored or discarded. One that stays small is
/// held in memory and never gets a file: its bytes go into the database with the upload's record. A larger one is held
/// there too as long as there is room, and gets a file when it has to be stored: one whose content is there already, or that is
/// rejected, never does.
///
/// It has one user at a time, though that may be another thread each time. `discard` takes its name away; one that was
/// forgotten is taken away with the last reference, unless its content was being stored: then the name stays for the
/// recovery at the next start, which knows whether the content is referred to.
package final class SpoolFile: Sendable {
    package let upload: UploadID
    private let directory: String
    private let limits: Limits
    private let state: Mutex<State>
    private static let writeAheadBytes: Int64 = 8 << 20

    /// Which bodies are held in memory.
    struct Limits: Sendable {
        /// Any body of at most as many bytes, which the database will keep.
        let bytesInDatabase: Int
        /// For larger ones, as long as there is some left.
        let budget: MemoryBudget
        /// The most bytes that the body can have, where it may be held in memory; 0 where it may not.
        let expectedBytes: Int
    }

    private struct State: ~Copyable {
        /// Where the bytes are; empty once there is a file.
        var bytes: [UInt8] = []
        /// Bytes of the budget.
        var budgeted = 0
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

    init(_ upload: UploadID, in directory: String, limits: Limits) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        self.upload = upload
        self.directory = directory
        self.limits = limits
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
        limits = Limits(bytesInDatabase: 0, budget: MemoryBudget(bytes: 0), expectedBytes: 0)
        guard self.size == size else { throw .damaged("\(upload) has \(self.size) bytes; \(size) were received") }
    }

    deinit {
        let leftName = state.withLock { state in
            leaveMemory(&state)
            return state.file == nil || state.isDiscarded || state.organization != nil ? nil : state.name
        }
        // A name that cannot be taken away now is taken away at the next start.
        if let leftName { _ = try? FileSystem.unlink("\(directory)/\(leftName)") }
    }

    /// Bytes so far.
    package var size: Int64 { state.withLock { $0.size } }

    /// The hash, once `finish` was called.
    package var sha256: ContentHash? { state.withLock { $0.sha256 } }

    /// The whole body, where it is complete and the database keeps it.
    package var bytesForDatabase: [UInt8]? {
        state.withLock { state in
            state.file == nil && state.sha256 != nil && state.size <= limits.bytesInDatabase ? state.bytes : nil
        }
    }

    /// Whether there is no file: nothing was written of the body.
    var isInMemory: Bool { state.withLock { $0.file == nil } }

    /// Takes the next bytes of the body, to memory or to the page cache: cheap enough for the thread that received them.
    package func append(_ bytes: RawSpan) throws(BlobStoreError) {
        try withState { state throws(BlobStoreError) in
            guard state.sha256 == nil, !state.isDiscarded else { throw .misuse("bytes after the end of the body") }
            if state.file == nil, !holds(bytes.byteCount, more: &state) {
                state.file = try makeFile(named: state.name, of: state.bytes)
                leaveMemory(&state)
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

    /// Whether so many more bytes may be held in memory; takes them from the budget where that is needed.
    private func holds(_ count: Int, more state: inout State) -> Bool {
        let total = state.bytes.count + count
        if total <= max(limits.bytesInDatabase, state.budgeted) { return true }
        guard state.budgeted == 0, total <= limits.expectedBytes, limits.budget.take(limits.expectedBytes) else {
            return false
        }
        state.budgeted = limits.expectedBytes
        state.bytes.reserveCapacity(limits.expectedBytes)
        return true
    }

    private func leaveMemory(_ state: inout State) {
        state.bytes = []
        if state.budgeted > 0 { limits.budget.giveBack(state.budgeted) }
        state.budgeted = 0
    }

    private func makeFile(named name: String, of bytes: [UInt8]) throws(BlobStoreError) -> OwnedDescriptor {
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
        let bytes = try withState { state throws(BlobStoreError) in
            guard !state.isDiscarded else { throw .misuse("the body of \(upload) was discarded") }
            return state.file == nil ? state.bytes : nil
        }
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
            if state.budgeted > 0 { leaveMemory(&state) }
            return state.isDiscarded || state.file == nil ? nil : state.name
        }
        guard let name else { return }
        do throws(SystemCallError) {
            try FileSystem.unlink("\(directory)/\(name)")
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
            if state.file == nil {
                state.file = try makeDurableFile(named: name, of: state.bytes)
                leaveMemory(&state)
            } else {
                do throws(SystemCallError) {
                    try state.file?.sync()
                    try FileSystem.rename("\(directory)/\(state.name)", to: "\(directory)/\(name)")
                } catch {
                    throw BlobStoreError(error)
                }
            }
            state.name = name
            state.organization = organization
            return sha256
        }
    }

    private func makeDurableFile(named name: String, of bytes: [UInt8]) throws(BlobStoreError) -> OwnedDescriptor {
        let file = try makeFile(named: name, of: bytes)
        do throws(SystemCallError) { try file.sync() } catch {
            // Nothing was linked from it.
            _ = try? FileSystem.unlink("\(directory)/\(name)")
            throw BlobStoreError(error)
        }
        return file
    }

    private func withState<T: Sendable>(
        _ body: (inout sending State) throws(BlobStoreError) -> sending T
    ) throws(BlobStoreError) -> T {
        try state.withLock(body)
    }
}
