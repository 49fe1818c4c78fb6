package import BlobStore
package import Domain

/// Step 7: makes an accepted upload's content durable under its hash, before anything is acknowledged.
package struct ContentStore: Sendable {
    private let blobs: LocalBlobStore

    package init(blobs: LocalBlobStore) { self.blobs = blobs }

    package func keep(_ file: SpoolFile, for organization: OrganizationID) async throws(Failure) {
        do { try await blobs.store(file, organization: organization) } catch { throw Failure(storage: error) }
    }
}
