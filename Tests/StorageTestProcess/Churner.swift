import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Telemetry

/// Uploads and deletions of few contents by many clients, so that they meet: the protocol between blob store and
/// database as the service runs it.
struct Churner: Sendable {
    let database: SQLiteDatabase
    let store: LocalBlobStore
    let organization: OrganizationID
    let internalID: InternalID

    /// One upload, or one deletion of whatever was uploaded last.
    func step() async throws {
        if Int.random(in: 0..<2) == 0 {
            let upload = try await upload(content: "content \(Int.random(in: 0..<5))")
            StorageTestProcess.report("+\(upload)")
        } else if let deleted = try await deleteNewest() {
            StorageTestProcess.report("-\(deleted)")
        }
    }

    private func upload(content: String) async throws -> UploadID {
        let upload = RandomID.uploadID()
        // Held in memory, or in a file from the beginning.
        let spool = try store.makeSpoolFile(upload, atMost: Bool.random() ? Int64(content.utf8.count) : nil)
        try spool.append(Array(content.utf8))
        let record = record(upload, spool.finish(), size: spool.size, internalID, SystemTime().now())
        try await store.store(spool, organization: organization)
        let (store, organization, internalID) = (store, organization, internalID)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.blobs.retain(internalID, record.sha256, size: record.size)
            do throws(BlobStoreError) {
                try store.ensureLinked(spool, organization: organization)
            } catch {
                throw .inputOutput("\(error)")
            }
            try transaction.uploads.insert(record)
        }
        try spool.discard()
        return upload
    }

    private func deleteNewest() async throws -> UploadID? {
        let (store, organization, internalID) = (store, organization, internalID)
        let deleted = try await database.write { transaction throws(DatabaseError) -> UploadRecord? in
            let page = try transaction.uploads.list(internalID, filter: UploadFilter(statuses: [.completed]), limit: 1)
            guard let newest = page.items.first,
                case .deleted(let record) = try transaction.uploads.markDeleted(
                    internalID, id: newest.id, now: SystemTime().now())
            else { return nil }
            _ = try transaction.blobs.release(internalID, record.sha256)
            return record
        }
        guard let deleted else { return nil }
        try await database.write(durability: .durableWithOutsideEffect) { transaction throws(DatabaseError) in
            guard try transaction.blobs.removeUnreferenced(internalID, deleted.sha256) else { return }
            do throws(BlobStoreError) {
                try store.remove(organization, deleted.sha256)
            } catch {
                throw .inputOutput("\(error)")
            }
        }
        return deleted.id
    }
}
