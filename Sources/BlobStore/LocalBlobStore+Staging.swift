package import Domain
internal import Glibc
internal import SystemCalls

/// Announced uploads, in `staging/<upload>`, until they are over.
extension LocalBlobStore {
    /// Opens the bytes of an announced upload, making the file where there is none.
    ///
    /// Throws `inUse` while somebody else sends to it.
    package func openStaged(_ upload: UploadID) throws(BlobStoreError) -> StagedFile {
        try StagedFile(upload, in: directory.staging)
    }

    /// How many bytes of an announced upload have arrived.
    package func stagedSize(_ upload: UploadID) throws(BlobStoreError) -> Int64 {
        let path = "\(directory.staging)/\(try BlobPath.spoolName(upload))"
        do throws(SystemCallError) {
            return try FileSystem.open(path, .read).regularFileSize()
        } catch {
            if error.number == ENOENT { return 0 }
            throw BlobStoreError(error)
        }
    }

    /// Takes the bytes of an upload that is over away; they may be gone already.
    package func removeStaged(_ upload: UploadID) throws(BlobStoreError) {
        let name = try BlobPath.spoolName(upload)
        do throws(SystemCallError) {
            try FileSystem.unlink("\(directory.staging)/\(name)")
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Every announced upload of which bytes are there.
    package func stagedUploads() throws(BlobStoreError) -> [UploadID] {
        do throws(SystemCallError) {
            var uploads: [UploadID] = []
            for name in try FileSystem.names(in: directory.staging).sorted() where try isStagedFile(name) {
                uploads.append(UploadID(rawValue: name))
            }
            return uploads
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// A spool file with the bytes of an announced upload, to be judged and stored as any other. The bytes stay staged
    /// too, until the upload is over: what a crash leaves of this one is cleared at the next start.
    package func makeSpoolFile(
        fromStaged upload: UploadID, size: Int64, sha256: ContentHash
    ) throws(BlobStoreError) -> SpoolFile {
        try SpoolFile(upload, in: directory.spool, linking: directory.staging, size: size, sha256: sha256)
    }
}
