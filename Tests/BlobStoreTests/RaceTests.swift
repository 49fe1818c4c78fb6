import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Execution
import Testing

@Suite struct RaceTests {
    // Uploads of two contents meet their deletions: between the storing and the commit of one upload, the content is
    // removed by another's deletion, so the commit has to link it again. Without `ensureLinked` this fails.
    @Test(
        "Uploads and deletions of the same content, at the same time, never lose a content that is referred to",
        arguments: [0, 1])
    func uploadsAndDeletions(maximumBuffers: Int) async throws {
        try await withStore(maximumBuffers: maximumBuffers) { store, folder in
            let now = Timestamp(milliseconds: 1_773_000_000_000)
            let tenant = Organization(
                internalID: RandomID.internalID(), id: RandomID.organizationID(), name: "Sample", createdAt: now,
                updatedAt: now)
            let database = try SQLiteDatabase(path: folder.path + "/portcullis.db", now: now)
            defer { database.close() }
            try await database.write { transaction throws(DatabaseError) in
                try transaction.organizations.insert(tenant)
            }
            let executor = BlockingExecutor(threads: 8)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<8 {
                    group.addTask(executorPreference: executor) {
                        for round in 0..<60 {
                            let content = "content \((client + round) % 2)"
                            try await Self.upload(content, store, database, tenant)
                            // It was acknowledged, and is not deleted before this client deletes one of its kind.
                            #expect(try store.text(tenant.id, SHA256.hash(of: content)) == content)
                            try await Self.release(SHA256.hash(of: content), store, database, tenant)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(folder.files("blobs") == [])
            #expect(folder.files("spool") == [])
        }
    }

    private static func upload(
        _ content: String, _ store: LocalBlobStore, _ database: SQLiteDatabase, _ tenant: Organization
    ) async throws {
        let spool = try store.spool(content)
        let (sha256, size) = (spool.finish(), spool.size)
        try await store.store(spool, organization: tenant.id)
        // Lets others come in between.
        await Task.yield()
        try await database.write { transaction throws(DatabaseError) in
            try transaction.blobs.retain(tenant.internalID, sha256, size: size)
            do throws(BlobStoreError) {
                try store.ensureLinked(spool, organization: tenant.id)
            } catch {
                throw .inputOutput("\(error)")
            }
        }
        try spool.discard()
    }

    private static func release(
        _ sha256: ContentHash, _ store: LocalBlobStore, _ database: SQLiteDatabase, _ tenant: Organization
    ) async throws {
        let wasLast = try await database.write { transaction throws(DatabaseError) in
            try transaction.blobs.release(tenant.internalID, sha256)
        }
        guard wasLast else { return }
        try await database.write(durability: .durableWithOutsideEffect) { transaction throws(DatabaseError) in
            guard try transaction.blobs.removeUnreferenced(tenant.internalID, sha256) else { return }
            do throws(BlobStoreError) {
                try store.remove(tenant.id, sha256)
            } catch {
                throw .inputOutput("\(error)")
            }
        }
    }
}
