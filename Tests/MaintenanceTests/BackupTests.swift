import Admission
import BlobStore
import Database
import DatabaseSQLite
import Domain
import Foundation
import Maintenance
import TestSupport
import Testing

@Suite("Backups")
struct BackupTests {
    /// - Parameter afterCopy: called after each snapshot, with how many there were.
    private func backUp(
        _ books: Books, to target: String, afterCopy: @escaping (Int) -> Void = { _ in }
    ) throws -> BackupReport {
        var snapshots = 0
        let database = try SQLiteInspection(path: books.directory.path("portcullis.db"))
        defer { database.close() }
        return try Backup(
            of: books.directory.path, to: target,
            copyDatabase: { path throws(DatabaseError) in
                try database.copy(to: path)
                snapshots += 1
                afterCopy(snapshots)
            },
            openCopy: { path throws(DatabaseError) in try SQLiteInspection(path: path) },
            amendCopy: { path, body throws(DatabaseError) in try SQLiteInspection.amend(copy: path, body) }
        ).run()
    }

    @Test("A backup is a data directory of its own, readable by its owner only, without what was deleted")
    func whole() async throws {
        let books = try await Books()
        for index in 0..<10 { try await books.upload("content \(index)") }
        let deleted = try await books.upload("deleted")
        try await books.delete(deleted)
        try await books.upload("bad", reason: .nsfw)
        try await books.announce("staged")
        let folder = try TemporaryDirectory()
        let target = folder.path("backup")
        let report = try backUp(books, to: target)
        #expect(report.contents == 11 && report.arrivals == 1 && report.missing.isEmpty)
        let (differences, verified) = try books.verify(in: target)
        #expect(differences == [] && verified.uploads == 12 && verified.files == 11 && verified.stagedFiles == 1)
        let attributes = try FileManager.default.attributesOfItem(atPath: target + "/portcullis.db")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        // Later deletions do not reach into the backup.
        let kept = try #require(
            books.database.read { transaction throws(DatabaseError) in
                try transaction.uploads.list(books.organization.internalID, limit: 100).items
            }.last)
        try await books.delete(kept)
        #expect(try books.verify(in: target).differences == [])
    }

    @Test("A service that starts on the backup gives back what was in flight")
    func restore() async throws {
        let books = try await Books()
        try await books.upload("content")
        _ = try await books.credits.admit(
            1, as: UploadID(rawValue: "upl_inflight"), of: books.caller, idempotencyKey: "key")
        let folder = try TemporaryDirectory()
        _ = try backUp(books, to: folder.path("backup"))
        let store = try LocalBlobStore(directory: folder.path("backup"))
        #expect(store.nodeID == books.blobs.nodeID)
        let database = try SQLiteDatabase(path: folder.path("backup/portcullis.db"), now: books.time.now())
        defer { database.close() }
        let now = books.time.now()
        let released = try await database.write { transaction throws(DatabaseError) in
            try transaction.credits.releaseHolds(ofNode: store.nodeID, now: now)
        }
        #expect(released == 1)
        #expect(try books.verify(in: folder.path("backup")).differences == [])
    }

    @Test("Nothing is overwritten, and an interrupted backup is not taken for a whole one")
    func occupied() async throws {
        let books = try await Books()
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(at: folder.url("taken"), withIntermediateDirectories: false)
        try FileManager.default.createDirectory(at: folder.url("new.partial"), withIntermediateDirectories: false)
        for (name, problem) in [("taken", "exists already"), ("new", "is left of a backup that was interrupted")] {
            let error = #expect(throws: MaintenanceError.self) { _ = try backUp(books, to: folder.path(name)) }
            #expect("\(error.map { "\($0)" } ?? "")".contains(problem))
        }
        #expect(throws: MaintenanceError.self) { _ = try backUp(books, to: folder.path("no/such/place")) }
    }

    @Test("A content whose file is missing is named, and the rest is backed up")
    func missing() async throws {
        let books = try await Books()
        let (lost, kept) = (try await books.upload("lost"), try await books.upload("kept"))
        try FileManager.default.removeItem(atPath: books.path(lost))
        let folder = try TemporaryDirectory()
        let report = try backUp(books, to: folder.path("backup"))
        #expect(report.missing == ["\(books.organization.id)/\(lost.sha256)"])
        let differences = try books.verify(in: folder.path("backup")).differences
        #expect(differences.count == 1 && differences[0].contains("its file is missing"))
        #expect(try BlobInspection(directory: folder.path("backup")).size(books.organization.id, kept.sha256) == 4)
    }

    // link(2) with a source that is gone tells ENOENT also where the destination is there already.
    @Test("A content that an earlier round brought is no missing one when it is deleted before the last round")
    func deletedBetweenRounds() async throws {
        let books = try await Books()
        let (early, lost) = (try await books.upload("early"), try await books.upload("lost"))
        let earlyPath = try books.path(early)
        try FileManager.default.removeItem(atPath: books.path(lost))
        let folder = try TemporaryDirectory()
        // The lost one makes it go round; after the second snapshot the early one's file goes.
        let report = try backUp(books, to: folder.path("backup")) { snapshots in
            if snapshots == 2 { try? FileManager.default.removeItem(atPath: earlyPath) }
        }
        #expect(!FileManager.default.fileExists(atPath: earlyPath))
        #expect(report.missing == ["\(books.organization.id)/\(lost.sha256)"])
        #expect(report.contents == 1)
        #expect(
            try BlobInspection(directory: folder.path("backup")).hash(books.organization.id, early.sha256)
                == early.sha256)
    }

    // Between the snapshot and its turn an announced upload may be confirmed, which moves its bytes to the contents, or
    // end otherwise, which takes them away.
    @Test(
        "An announced upload that is over before its turn has its content's bytes in the backup, or is to be sent again"
    )
    func arrivalsThatEnd() async throws {
        for isConfirmed in [true, false] {
            let books = try await Books()
            try await books.announce("staged")
            if isConfirmed { try await books.upload("staged") }
            let staged = books.directory.path("staging/\(Books.announcedID)")
            let folder = try TemporaryDirectory()
            let target = folder.path("backup")
            let report = try backUp(books, to: target) { _ in try? FileManager.default.removeItem(atPath: staged) }
            #expect(report.missing.isEmpty)
            #expect(report.arrivals == (isConfirmed ? 1 : 0))
            #expect(report.forgottenArrivals == (isConfirmed ? [] : [Books.announcedID]))
            #expect(report.contents == (isConfirmed ? 1 : 0))
            #expect(try books.verify(in: target).differences == [])
        }
    }

    @Test(
        "A backup into the data directory is refused, a slash at the end is none of the name, a failed one leaves nothing"
    )
    func places() async throws {
        let books = try await Books()
        try await books.upload("content")
        for name in ["backup", "blobs/backup", "spool/backup", "staging/backup/"] {
            let error = #expect(throws: MaintenanceError.self) {
                _ = try backUp(books, to: books.directory.path(name) + (name.hasSuffix("/") ? "/" : ""))
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("is inside the data directory"))
        }
        #expect(try books.verify().differences == [])
        let folder = try TemporaryDirectory()
        _ = try backUp(books, to: folder.path("slash") + "//")
        #expect(try books.verify(in: folder.path("slash")).differences == [])
        try FileManager.default.removeItem(at: books.directory.url("node-id"))
        #expect(throws: MaintenanceError.self) { _ = try backUp(books, to: folder.path("failed")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("")) == ["slash"])
    }

    @Test("A backup beside uploads and deletions that go on is consistent in itself")
    func busy() async throws {
        let books = try await Books()
        for index in 0..<30 { try await books.upload("stays \(index)") }
        let folder = try TemporaryDirectory()
        let running = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<4 {
                group.addTask {
                    var round = 0
                    while running.isSet {
                        let record = try await books.upload("comes and goes \((client + round) % 5)")
                        if round % 4 != 0 { try await books.delete(record) }
                        round += 1
                    }
                }
            }
            group.addTask {
                defer { running.clear() }
                for index in 0..<6 {
                    let target = folder.path("backup-\(index)")
                    let report = try backUp(books, to: target)
                    #expect(report.missing.isEmpty)
                    let (differences, verified) = try books.verify(in: target)
                    #expect(differences == [], "round \(index)")
                    #expect(verified.uploads >= 30)
                }
            }
            try await group.waitForAll()
        }
    }
}
