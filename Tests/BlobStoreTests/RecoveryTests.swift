import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import TestSupport
import Testing

@Suite struct RecoveryTests {
    private let organization = RandomID.organizationID()

    /// Settles all left-overs; gives the contents that were removed.
    private func recover(
        _ store: LocalBlobStore, isReferenced: (OrganizationID, ContentHash) throws -> Bool
    ) throws -> [ContentHash] {
        var removed: [ContentHash] = []
        for leftOver in try store.leftOvers() {
            var isNeeded = false
            if let content = leftOver.content { isNeeded = try isReferenced(content.organization, content.sha256) }
            if try store.settle(leftOver, isReferenced: isNeeded), let content = leftOver.content {
                removed.append(content.sha256)
            }
        }
        return removed
    }

    /// What a run leaves that ends without tidying up, here: because its spool files were stored and not discarded.
    @Test("A stored content goes with its left-over if nothing refers to it, and stays if something does")
    func stored() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let (committed, lost): (ContentHash, ContentHash)
        do {
            let store = try LocalBlobStore(directory: folder.path)
            let (one, two) = (try store.spool("committed"), try store.spool("lost"))
            (committed, lost) = (one.finish(), two.finish())
            try await store.store(one, organization: organization)
            try await store.store(two, organization: organization)
        }
        #expect(folder.files("spool").count == 2)
        let store = try LocalBlobStore(directory: folder.path)
        let removed = try recover(store) { $0 == organization && $1 == committed }
        #expect(removed == [lost])
        #expect(folder.files("spool") == [])
        #expect(folder.files("blobs") == [blobName(organization, committed)])
        #expect(try recover(store) { _, _ in false } == [])
    }

    @Test("A left-over body, a file of another name and a replacement are only taken away")
    func plain() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        do {
            let store = try LocalBlobStore(directory: folder.path)
            let spool = try store.spool("kept")
            try await store.store(spool, organization: organization)
            try spool.discard()
        }
        let hash = SHA256.hash(of: "kept")
        let names = [
            RandomID.uploadID().rawValue, "junk", "\(RandomID.uploadID()).\(organization).nohash",
            "\(RandomID.uploadID()).\(organization).\(hash).replacement", "a.\(organization).\(hash)",
        ]
        for name in names { try "x".write(toFile: "\(folder.path)/spool/\(name)", atomically: false, encoding: .utf8) }
        let store = try LocalBlobStore(directory: folder.path)
        #expect(try store.leftOvers().count == names.count)
        let removed = try recover(store) { _, _ in false }
        #expect(removed == [])
        #expect(folder.files("spool") == [])
        #expect(folder.files("blobs") == [blobName(organization, hash)])
    }

    // Whoever starts removes what it does not know, and cannot remove everything: a name that is no upload's, or a
    // directory, must not keep the service from starting.
    @Test("What is no upload's in spool and staging is named and left alone")
    func stray() throws {
        let folder = DataFolder()
        defer { folder.remove() }
        do { _ = try LocalBlobStore(directory: folder.path) }
        let upload = RandomID.uploadID()
        for name in ["spool/lost+found", "staging/lost+found", "staging/\(RandomID.uploadID())"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: false)
        }
        for name in ["staging/.nfs01", "staging/\(upload)"] {
            try "x".write(toFile: "\(folder.path)/\(name)", atomically: false, encoding: .utf8)
        }
        let store = try LocalBlobStore(directory: folder.path)
        #expect(try store.stagedUploads() == [upload])
        #expect(try store.leftOvers().isEmpty)
        let strays = try store.strayPaths()
        #expect(strays.count == 4 && strays.contains("\(folder.path)/staging/.nfs01"), "\(strays)")
    }

    @Test("Linked or not, synced or not: a name in the spool that says what was stored is enough")
    func beforeTheLink() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        do { _ = try LocalBlobStore(directory: folder.path) }
        let hash = SHA256.hash(of: "x")
        let name = "\(RandomID.uploadID()).\(organization).\(hash)"
        try "x".write(toFile: "\(folder.path)/spool/\(name)", atomically: false, encoding: .utf8)
        let store = try LocalBlobStore(directory: folder.path)
        #expect(try store.leftOvers().map(\.content?.sha256) == [hash])
        #expect(try recover(store) { _, _ in false } == [])
        #expect(folder.files("spool") == [])
    }

    // Six clients upload and delete five contents; the process is killed at a moment of its own choosing, again and
    // again, on the same directory.
    @Test("Killed while it stores and deletes, the service starts with exactly the contents that are referred to")
    func killed() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let now = Timestamp(milliseconds: 1_773_000_000_000)
        let tenant = Organization(
            internalID: RandomID.internalID(), id: organization, name: "Sample", createdAt: now, updatedAt: now)
        do { _ = try LocalBlobStore(directory: folder.path) }
        let database = try SQLiteDatabase(path: folder.path + "/portcullis.db", now: now)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.organizations.insert(tenant)
        }
        database.close()
        var (uploaded, deleted) = (Set<String>(), Set<String>())
        for round in 1...5 {
            let process = try storageTestProcess(
                "churn", folder.path, organization.rawValue, tenant.internalID.rawValue)
            _ = process.waitForLine(seconds: 60) { lines in
                lines.count { $0.utf8.count == 25 } >= 30 * round ? true : nil
            }
            process.send(SIGKILL)
            let outcome = try process.wait()
            #expect(outcome.status == .signalled(SIGKILL), "\(outcome.errorText.suffix(500))")
            // The last line may have been cut off.
            for line in outcome.errorLines where line.utf8.count == 25 {
                if line.hasPrefix("+") { uploaded.insert(String(line.dropFirst())) }
                if line.hasPrefix("-") { deleted.insert(String(line.dropFirst())) }
            }
            try await expectExact(folder, tenant, uploaded, deleted)
        }
        #expect(uploaded.count > 100)
        #expect(deleted.count > 50)
    }

    private func expectExact(
        _ folder: DataFolder, _ tenant: Organization, _ uploaded: Set<String>, _ deleted: Set<String>
    ) async throws {
        let store = try LocalBlobStore(directory: folder.path)
        let database = try SQLiteDatabase(path: folder.path + "/portcullis.db", now: tenant.createdAt)
        defer { database.close() }
        _ = try recover(store) { organization, sha256 in
            try database.read { transaction throws(DatabaseError) in
                try transaction.blobs.isReferenced(organization, sha256)
            }
        }
        let id = tenant.internalID
        try await database.write { transaction throws(DatabaseError) in
            for content in try transaction.blobs.unreferenced()
            where try transaction.blobs.removeUnreferenced(content.internalID, content.sha256) {
                do throws(BlobStoreError) {
                    try store.remove(content.organization, content.sha256)
                } catch {
                    throw .inputOutput("\(error)")
                }
            }
        }
        let (records, blobs) = try database.read { transaction throws(DatabaseError) in
            var records: [UploadRecord] = []
            var cursor: PageCursor?
            repeat {
                let page = try transaction.uploads.list(id, after: cursor, limit: 1000)
                records += page.items
                cursor = page.next
            } while cursor != nil
            return (records, try transaction.blobs.list(id).map { [$0.sha256: $0.referenceCount] })
        }
        let completed = records.filter { $0.status == .completed }
        let references = Dictionary(grouping: completed, by: \.sha256).mapValues { Int64($0.count) }
        #expect(blobs.reduce(into: [:]) { $0.merge($1) { first, _ in first } } == references)
        #expect(folder.files("blobs") == references.keys.map { blobName(tenant.id, $0) }.sorted())
        #expect(folder.files("spool") == [])
        for sha256 in references.keys { #expect(SHA256.hash(of: try store.text(tenant.id, sha256)) == sha256) }
        // What was acknowledged is there, as acknowledged.
        let byID = Dictionary(uniqueKeysWithValues: records.map { ($0.id.rawValue, $0.status) })
        for upload in uploaded { #expect(byID[upload] != nil) }
        for upload in deleted { #expect(byID[upload] == .deleted) }
    }
}
