package import BlobStore
package import Charge
package import Database
package import Domain
import Store

/// The quarantine as the operator sees it: what the private endpoints and the command line both do.
package struct QuarantineDirectory: Sendable {
    private let database: any DatabaseDriver
    private let store: ContentStore
    private let register: QuarantineRegister

    package init(database: any DatabaseDriver, blobs: LocalBlobStore, time: any TimeSource) {
        self.database = database
        store = ContentStore(blobs: blobs, database: database)
        register = QuarantineRegister(database: database, blobs: blobs, time: time)
    }

    /// Newest first.
    package func list(
        _ filter: QuarantineFilter, after cursor: PageCursor?, limit: Int
    ) throws(Failure) -> Page<JSONObject> {
        let page: Page<QuarantineEntry> = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.quarantine.list(filter, after: cursor, limit: limit)
        }
        return Page(items: page.items.map(\.presentation), next: page.next)
    }

    /// - Throws: `not_found`.
    package func show(_ id: UploadID) throws(Failure) -> JSONObject { try find(id).presentation }

    func find(_ id: UploadID) throws(Failure) -> QuarantineEntry {
        let entry: QuarantineEntry? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.quarantine.find(id)
        }
        guard let entry else { throw QuarantineRegister.notFound(id) }
        return entry
    }

    /// The content, for whoever has to decide; that it was looked at is recorded first.
    func open(_ entry: QuarantineEntry, _ decision: QuarantineDecision) async throws(Failure) -> StoredBlob {
        try await register.noteInspection(of: entry, decision)
        let blob = try store.open(entry.upload, of: entry.organization)
        guard blob.size == entry.upload.size else { throw .damagedContent(entry.upload, foundSize: blob.size) }
        return blob
    }

    /// - Returns: the upload as it is now.
    package func release(_ id: UploadID, _ decision: QuarantineDecision) async throws(Failure) -> JSONObject {
        let organization = try find(id).organization
        let record = try await register.release(id, decision)
        return record.presentation(organization: organization).objectValue ?? [:]
    }

    package func purge(_ id: UploadID, _ decision: QuarantineDecision) async throws(Failure) {
        try await register.purge(id, decision)
    }
}

extension QuarantineEntry {
    fileprivate var presentation: JSONObject {
        [
            "upload": upload.presentation(organization: organization),
            "quarantined_at": JSONValue(since), "retained_until": JSONValue(retainedUntil),
            "scan_attempts": .integer(Int64(scanAttempts)), "next_scan_at": JSONValue(nextScanAt),
        ]
    }
}
