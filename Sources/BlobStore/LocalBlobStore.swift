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
/// (`BlobIndex.retain`). Any other upload that is accepted goes: `store` (the bytes are on the disk, under the content's
/// name), then the database's commit with `ensureLinked` inside it, then `SpoolFile.discard`. Whatever happens in between,
/// the name in the spool says what may have been stored, and `leftOvers` at the next start settles it.
package final class LocalBlobStore: Sendable {
    let directory: DataDirectory
    /// Directories below `blobs` whose own names are known to be on the disk.
    private let durableDirectories = Mutex<Set<String>>([])
    /// Beyond this the set is emptied; what is missing from it costs a sync of a directory that has nothing to sync.
    private static let maximumKnownDirectories = 65_536

    /// Paths below `blobs` of contents whose bytes this process wrote, or compared with their hash, and when these had
    /// last changed then.
    private let verified = Mutex<[String: Int64]>([:])
    /// Beyond this it is emptied; what is missing costs the reading of a content that comes again.
    private static let maximumVerified = 16_384

    /// Bodies up to this many bytes are held in memory, and stored in the database.
    private let maximumBytesInDatabase: Int

    /// Names the data directory for as long as it exists.
    package var nodeID: String { directory.nodeID }

    /// Makes the directory where there is none, and takes it over.
    ///
    /// Throws `locked` where another process has it.
    /// - Parameter maximumBytesInDatabase: contents up to this many bytes get no file.
    package init(directory path: String, maximumBytesInDatabase: Int = 0) throws(BlobStoreError) {
        self.maximumBytesInDatabase = maximumBytesInDatabase
        directory = try DataDirectory(path)
    }

    /// The contents of a service that may be running, for a command beside it. What removes a content does so inside a
    /// write transaction, so that it comes in the same order for all processes; nothing may be stored through this.
    ///
    /// Throws `notFound` where no service was ever started on the directory.
    package init(besideOwnerOf path: String) throws(BlobStoreError) {
        maximumBytesInDatabase = 0
        directory = try DataDirectory(besideOwnerOf: path)
    }

    /// A new, empty spool file.
    package func makeSpoolFile(_ upload: UploadID) throws(BlobStoreError) -> SpoolFile {
        try SpoolFile(upload, in: directory.spool, maximumBytesInMemory: maximumBytesInDatabase)
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
    /// What stayed in memory has nothing to be stored here: the database's commit does that.
    ///
    /// The syncs block the calling task's executor; the kernel lets concurrent ones share a commit of its journal.
    package func store(_ spool: SpoolFile, organization: OrganizationID) async throws(BlobStoreError) {
        guard spool.bytesInMemory == nil else { return }
        let location = try BlobLocation(organization, spool.beginStoring(organization))
        do throws(SystemCallError) {
            try link(spool, location)
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
        guard spool.bytesInMemory == nil else { return }
        let location = try BlobLocation(organization, spool.beginStoring(organization))
        do throws(SystemCallError) {
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
            known[location.path] = status.modifiedSeconds
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
    /// - Parameter verified: when the bytes had last changed that this process knows; nil for none.
    private func replaceIfDamaged(_ path: String, by spool: SpoolFile, verified: Int64?) throws(SystemCallError) {
        // Removed meanwhile: `ensureLinked` links it again.
        guard let status = try FileStatus.of(path) else { return }
        switch status.kind {
        case .file where status.size != spool.size: break
        case .file:
            if status.modifiedSeconds == verified { return }
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

    // MARK: Recovery

    /// A spool file that the last run left.
    package struct LeftOver: Hashable, Sendable {
        let name: String
        /// What may have been stored from it; nil where nothing was.
        package let content: Content?

        package struct Content: Hashable, Sendable {
            package let organization: OrganizationID
            package let sha256: ContentHash
        }
    }

    /// What lies in `spool` and `staging` and is no upload's, as paths. It is somebody else's, and left alone.
    package func strayPaths() throws(BlobStoreError) -> [String] {
        do throws(SystemCallError) {
            var found: [String] = []
            for name in try FileSystem.names(in: directory.spool).sorted() where try !isSpoolFile(name) {
                found.append("\(directory.spool)/\(name)")
            }
            for name in try FileSystem.names(in: directory.staging).sorted() where try !isStagedFile(name) {
                found.append("\(directory.staging)/\(name)")
            }
            return found
        } catch {
            throw BlobStoreError(error)
        }
    }

    private func isSpoolFile(_ name: String) throws(SystemCallError) -> Bool {
        try FileStatus.of("\(directory.spool)/\(name)")?.kind == .file
    }

    func isStagedFile(_ name: String) throws(SystemCallError) -> Bool {
        guard (try? BlobPath.spoolName(UploadID(rawValue: name))) != nil else { return false }
        return try FileStatus.of("\(directory.staging)/\(name)")?.kind == .file
    }

    /// What the last run left in the spool, to be settled at the start, before any upload.
    package func leftOvers() throws(BlobStoreError) -> [LeftOver] {
        do throws(SystemCallError) {
            var leftOvers: [LeftOver] = []
            for name in try FileSystem.names(in: directory.spool).sorted() where try isSpoolFile(name) {
                let content = BlobPath.content(ofSpoolName: name).map {
                    LeftOver.Content(organization: $0.organization, sha256: $0.sha256)
                }
                leftOvers.append(LeftOver(name: name, content: content))
            }
            return leftOvers
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Takes a left-over away, and what was stored from it too, unless the database refers to that
    /// (`BlobIndex.isReferenced`): its upload never was committed then.
    /// - Returns: whether a content was removed.
    @discardableResult
    package func settle(_ leftOver: LeftOver, isReferenced: Bool) throws(BlobStoreError) -> Bool {
        var removed = false
        // The content first: a crash between the two leaves the name that leads here again.
        if let content = leftOver.content, !isReferenced {
            removed = try remove(content.organization, content.sha256)
        }
        do throws(SystemCallError) {
            try FileSystem.unlink("\(directory.spool)/\(leftOver.name)")
        } catch {
            throw BlobStoreError(error)
        }
        return removed
    }
}
