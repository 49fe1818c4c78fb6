package import BlobStore
package import Domain
package import HTTP

/// Serves the content of uploads that may be served.
package struct UploadContent: Sendable {
    private let blobs: LocalBlobStore

    package init(blobs: LocalBlobStore) { self.blobs = blobs }

    /// - Throws: `quarantined`, `gone`, or `not_found` for one that never had content.
    package func answer(
        to head: RequestHead, _ record: UploadRecord, of organization: OrganizationID
    ) throws(Failure) -> Response {
        switch record.status {
        case .completed: break
        case .quarantined:
            throw Failure(
                .quarantined, details: ["upload_id": .string(record.id.rawValue), "gate": record.receipt.presentation])
        case .deleted: throw Failure(.gone)
        case .rejected: throw UploadEndpoints.notFound(record.id.rawValue)
        }
        return try ContentResponse(record: record).answer(to: head) { () throws(Failure) in
            do throws(BlobStoreError) { return try blobs.open(organization, record.sha256) } catch {
                throw Failure(storage: error)
            }
        }
    }
}
