import BlobStore
package import Domain
package import HTTP
package import Store

/// Serves the content of uploads that may be served.
package struct UploadContent: Sendable {
    private let store: ContentStore

    package init(store: ContentStore) { self.store = store }

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
            try store.open(record, of: organization)
        }
    }
}
