package import Domain
internal import Glibc
internal import Synchronization
internal import SystemCalls

/// Contents on the local disk, in a data directory of one service:
///
///     spool/<upload>                          a body that arrives
///     spool/<upload>.<organization>.<hash>    one whose content is being stored
///     staging/<upload>                        what has arrived of an upload that was announced
///     blobs/<organization>/<2 digits>/<hash>  a stored content, once per organization
///
/// A small content is none of these: it goes into the database, in the transaction that commits its upload
/// (`BlobIndex.retain`). One of up to 1 MiB is held in memory until it has to be stored, and never gets a file where its
/// content is stored already. Any other upload that is accepted goes: `store` (the bytes are on the disk, under the content's
/// name), then the database's commit with `ensureLinked` inside it, then `SpoolFile.discard`. Whatever happens in between,
/// the name in the spool says what may have been stored, and `leftOvers` at the next start settles it.
package final class LocalBlobStore: Sendable {
    let directory: DataDirectory
    /// Directories below `blobs` whose own names are known to be on the disk.
    private let durableDirectories = Mutex<Set<String>>([])
    /// Beyond this the set is emptied; what is missing from it costs a sync of a directory that has nothing to sync.
    private static let maximumKnownDirectories = 65_536

    /// Paths below `blobs` of contents that this process made durable there, and whose bytes it wrote, or compared with
    /// their hash; with the version of the file that it was.
    private let verified = Mutex<[String: FileStatus.Version]>([:])
    /// Beyond this it is emptied; what is missing costs the reading of a content that comes again.
    private static let maximumVerified = 16_384

    /// Bodies up to this many bytes are held in memory, and stored in the database.
    package let maximumBytesInDatabase: Int
    /// For larger bodies.
    let buffers: BufferPool

    /// Names the data directory for as long as it exists.
    package var nodeID: String { directory.nodeID }

    /// Makes the directory where there is none, and takes it over.
    ///
    /// Throws `locked` where another process has it.
    /// - Parameters:
    ///   - maximumBytesInDatabase: contents up to this many bytes get no file.
    ///   - maximumBuffers: how many larger bodies at a time have a buffer of a little more than 1 MiB, to be held in memory until they have to be
    ///     stored, or to be written past the page cache.
    package init(
        directory path: String, maximumBytesInDatabase: Int = 0, maximumBuffers: Int = 0
    ) throws(BlobStoreError) {
        self.maximumBytesInDatabase = maximumBytesInDatabase
        buffers = BufferPool(count: maximumBuffers)
        directory = try DataDirectory(path)
    }

    /// The contents of a service that may be running, for a command beside it. What removes a content does so inside a
    /// write transaction, so that it comes in the same order for all processes; nothing may be stored through this.
    ///
    /// Throws `notFound` where no service was ever started on the directory.
    package init(besideOwnerOf path: String) throws(BlobStoreError) {
        maximumBytesInDatabase = 0
        buffers = BufferPool(count: 0)
        directory = try DataDirectory(besideOwnerOf: path)
    }

    /// A new, empty spool file.
    ///
    /// - Parameters:
    ///   - atMost: the most bytes that will come; nil where that is not known.
    ///   - isScanned: whether a worker will read the body as soon as it is whole.
    package func makeSpoolFile(
        _ upload: UploadID, atMost bytes: Int64? = nil, isScanned: Bool = true
    ) throws(BlobStoreError) -> SpoolFile {
        try SpoolFile(
            upload, in: directory.spool,
            limits: SpoolContent.Limits(
                bytesInDatabase: maximumBytesInDatabase, pool: buffers, announcedBytes: bytes,
                isScanned: isScanned))
    }

    /// Whether new contents can be written at all: not where the file system was made read-only.
    package var isWritable: Bool {
        [directory.spool, directory.staging, directory.blobs].allSatisfy { FileAccess.canWrite($0) }
    }

    /// Bytes that may still be written.
    package func freeBytes() throws(BlobStoreError) -> Int64 {
        do throws(SystemCallError) {
            return try FileSystem.freeBytes(at: directory.path)
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Stores a complete body under its hash among the organization's contents. Returns when bytes and name are on the
    /// disk. The same content may be there already; then it is kept.
    ///
    /// What the database keeps has nothing to be stored here: the commit does that. Nor has a body in memory whose content
    /// is there already, known to be whole and durable.
    ///
    /// The syncs block the calling task's executor; the kernel lets concurrent ones share a commit of its journal.
    package func store(_ spool: SpoolFile, organization: OrganizationID) async throws(BlobStoreError) {
        guard spool.bytesForDatabase == nil, try !isStored(spool, organization) else { return }
        let location = try BlobLocation(organization, spool.beginStoring(organization))
        do throws(SystemCallError) {
            try link(spool, location)
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Whether nothing is to be written of a body that is in memory.
    private func isStored(_ spool: SpoolFile, _ organization: OrganizationID) throws(BlobStoreError) -> Bool {
        guard spool.isInMemory, let sha256 = spool.sha256 else { return false }
        let location = try BlobLocation(organization, sha256)
        guard let known = verified.withLock({ $0[location.path] }) else { return false }
        do throws(SystemCallError) {
            guard let status = try FileStatus.of(directory.blobs + location.path) else { return false }
            return status.kind == .file && status.size == spool.size && status.version == known
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Links the content again, if it was removed since `store`. To be called inside the transaction that commits the
    /// upload, after `BlobIndex.retain`.
    ///
    /// Between `store` and the commit, the deletion of the last upload with the same content may have removed it, while
    /// nothing referred to it. Removals and commits both happen inside write transactions that touch the content's row,
    /// so they come one after the other: a removal before this one is undone here, and one after it finds the
    /// reference and does not happen.
    package func ensureLinked(_ spool: SpoolFile, organization: OrganizationID) throws(BlobStoreError) {
        guard spool.bytesForDatabase == nil, try !isStored(spool, organization) else { return }
        let isUnwritten = spool.isInMemory
        let location = try BlobLocation(organization, spool.beginStoring(organization))
        do throws(SystemCallError) {
            if isUnwritten { return try link(spool, location) }
            // A directory, once made, is never removed.
            if try FileSystem.link(spool.path, to: directory.blobs + location.path) {
                try FileSystem.syncDirectory(directory.blobs + location.parent)
            }
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Removes a content, which may be gone already. To be called inside a write transaction, after
    /// `BlobIndex.removeUnreferenced` said so; see there.
    ///
    /// Nothing is synced here: the database's own sync comes after it, and a journaling file system that has made the
    /// later one durable has made the earlier one so.
    /// - Returns: whether it was there.
    @discardableResult
    package func remove(
        _ organization: OrganizationID, _ sha256: ContentHash
    ) throws(BlobStoreError) -> Bool {
        let location = try BlobLocation(organization, sha256)
        // The same file, linked again, is known to be durable only when that link was synced.
        verified.withLock { _ = $0.removeValue(forKey: location.path) }
        do throws(SystemCallError) {
            return try FileSystem.unlink(directory.blobs + location.path)
        } catch {
            throw BlobStoreError(error)
        }
    }

    private func link(_ spool: SpoolFile, _ location: BlobLocation) throws(SystemCallError) {
        let path = directory.blobs + location.path
        let isNew = try linkMakingParents(spool.path, to: path, location)
        if !isNew { try replaceIfDamaged(path, by: spool, verified: verified.withLock { $0[location.path] }) }
        try FileSystem.syncDirectory(directory.blobs + location.parent)
        try syncParents(of: location)
        guard let status = try FileStatus.of(path) else { return }
        verified.withLock { known in
            if known.count >= Self.maximumVerified { known.removeAll() }
            known[location.path] = status.version
        }
    }

    private func linkMakingParents(
        _ source: String, to path: String, _ location: BlobLocation
    ) throws(SystemCallError) -> Bool {
        do {
            return try FileSystem.link(source, to: path)
        } catch {
            guard error.number == ENOENT else { throw error }
            try FileSystem.makeDirectory(directory.blobs + location.organization)
            try FileSystem.makeDirectory(directory.blobs + location.parent)
            return try FileSystem.link(source, to: path)
        }
    }

    /// What is acknowledged has to be there byte for byte, also where the content was there already: one that was
    /// damaged from outside, or by a disk that did not keep what it had acknowledged, is replaced by the complete one.
    /// That costs the reading of the content, once for each in the life of this process.
    ///
    /// - Parameter verified: the version that this process knows; nil for none.
    private func replaceIfDamaged(
        _ path: String, by spool: SpoolFile, verified: FileStatus.Version?
    ) throws(SystemCallError) {
        // Removed meanwhile: `ensureLinked` links it again.
        guard let status = try FileStatus.of(path) else { return }
        switch status.kind {
        case .file where status.size != spool.size: break
        case .file:
            if status.version == verified { return }
            if try BlobInspection.hash(of: path) == spool.sha256 { return }
        case .directory: throw SystemCallError("\(path) is a directory, in the place of a content; link", EISDIR)
        case .other: break
        }
        let replacement = spool.path + ".replacement"
        _ = try FileSystem.link(spool.path, to: replacement)
        try FileSystem.rename(replacement, to: path)
    }

    /// A file is on the disk under its name only when the directories above it are. Another upload may have made them
    /// a moment ago, and not have synced them yet, so it does not matter who made them.
    private func syncParents(of location: BlobLocation) throws(SystemCallError) {
        if durableDirectories.withLock({ $0.contains(location.parent) }) { return }
        try FileSystem.syncDirectory(directory.blobs + location.organization)
        try FileSystem.syncDirectory(directory.blobs)
        durableDirectories.withLock { known in
            if known.count >= Self.maximumKnownDirectories { known.removeAll() }
            known.insert(location.parent)
        }
    }

    /// Opens a content for reading. Throws `notFound`.
    package func open(
        _ organization: OrganizationID, _ sha256: ContentHash
    ) throws(BlobStoreError) -> StoredBlob {
        let location = try BlobLocation(organization, sha256)
        do throws(SystemCallError) {
            let descriptor = try FileSystem.open(directory.blobs + location.path, .read)
            let size = try descriptor.regularFileSize()
            return StoredBlob(owning: descriptor, size: size)
        } catch {
            guard error.number != ENOENT else { throw .notFound("\(organization)/\(sha256)") }
            throw BlobStoreError(error)
        }
    }
}
