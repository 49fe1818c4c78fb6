package import BlobStore
package import Database
package import Domain

/// Step 7: makes an accepted upload's content durable under its hash, before anything is acknowledged; and finds it again.
package struct ContentStore: Sendable {
    private let blobs: LocalBlobStore
    private let database: any DatabaseDriver

    package init(blobs: LocalBlobStore, database: any DatabaseDriver) {
        self.blobs = blobs
        self.database = database
    }

    /// Stores a content that has a file; a smaller one is stored with the upload's record.
    package func keep(_ file: SpoolFile, for organization: OrganizationID) async throws(Failure) {
        do { try await blobs.store(file, organization: organization) } catch { throw Failure(storage: error) }
    }

    /// Opens an upload's content, wherever it is kept. Throws `not_found` where it is nowhere.
    package func open(_ record: UploadRecord, of organization: OrganizationID) throws(Failure) -> StoredBlob {
        let bytes: [UInt8]? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.blobs.bytes(record.organization, record.sha256)
        }
        do throws(BlobStoreError) {
            if let bytes { return try StoredBlob(inMemory: bytes) }
            return try blobs.open(organization, record.sha256)
        } catch { throw Failure(storage: error) }
    }
}
