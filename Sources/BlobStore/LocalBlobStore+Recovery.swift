package import Domain
internal import SystemCalls

/// What the last run left.
extension LocalBlobStore {
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
