import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SQLiteFileTests {
    private func withStore(_ body: (SQLiteTestStore) async throws -> Void) async throws {
        let store = SQLiteTestStore()
        defer { store.remove() }
        try await body(store)
    }

    /// What opening the file fails with.
    private func openingError(_ path: String) -> DatabaseError? {
        do throws(DatabaseError) {
            let options = SQLiteDatabase.Options(busyTimeoutMilliseconds: 50)
            try SQLiteDatabase(path: path, options: options, now: Moment.start).close()
            return nil
        } catch {
            return error
        }
    }

    @Test("The database and what SQLite keeps beside it are readable by their owner only")
    func modes() async throws {
        try await withStore { store in
            let database = try store.open()
            defer { database.close() }
            try await database.insert(Sample.organization())
            for suffix in ["", "-wal", "-shm"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: store.path + suffix)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
            }
        }
    }

    @Test("A path that cannot be used is named in the error")
    func badPaths() async throws {
        try await withStore { store in
            for path in [store.directory.path, store.directory.path + "/missing/portcullis.db"] {
                let error = openingError(path)
                guard case .cannotOpen(let detail)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(detail.contains(path))
            }
        }
    }

    @Test("A file that is no database, and a database of another application, are refused")
    func foreignFiles() async throws {
        try await withStore { store in
            func expectNotADatabase(_ path: String) {
                let error = openingError(path)
                guard case .notADatabase(let detail)? = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(detail.contains(path))
            }
            let text = store.directory.path + "/text"
            try String(repeating: "This is no database. ", count: 1000).write(
                toFile: text, atomically: false, encoding: .utf8)
            expectNotADatabase(text)
            let database = try store.open()
            try await database.write { transaction throws(DatabaseError) in
                try transaction.execute("PRAGMA application_id = 0", [])
            }
            database.close()
            expectNotADatabase(store.path)
        }
    }

    @Test("A damaged file is told as damaged")
    func corrupt() async throws {
        try await withStore { store in
            let database = try store.open()
            let organization = Sample.organization()
            try await database.insert(organization)
            try await database.insert((0..<200).map { _ in Sample.upload(of: organization.internalID) })
            database.close()
            // Closing leaves one file, with everything in it.
            let names = try FileManager.default.contentsOfDirectory(atPath: store.directory.path)
            #expect(names == ["portcullis.db"])
            // All but the first page.
            let handle = try #require(FileHandle(forWritingAtPath: store.path))
            let size = try handle.seekToEnd()
            try handle.seek(toOffset: 4096)
            try handle.write(contentsOf: Data(repeating: 0xa5, count: Int(size) - 4096))
            try handle.close()
            let error = openingError(store.path)
            guard case .corrupt(let detail)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(detail.contains(store.path))
        }
    }

    @Test("While somebody else writes, a write waits as long as it was told to, and then says why it failed")
    func locked() async throws {
        try await withStore { store in
            let holder = try store.open()
            defer { holder.close() }
            let impatient = try SQLiteDatabase(
                path: store.path, options: .init(busyTimeoutMilliseconds: 50), now: Moment.start)
            defer { impatient.close() }
            let (holds, mayEnd) = (Flag(), Flag())
            // Whatever fails below: closing the holder waits for its write.
            defer { mayEnd.set() }
            let holding = Task {
                try await holder.write { transaction throws(DatabaseError) in
                    try transaction.organizations.insert(Sample.organization())
                    holds.set()
                    try mayEnd.block()
                }
            }
            try await holds.wait()
            for attempt in 0..<2 {
                let error = await #expect(throws: DatabaseError.self, "attempt \(attempt)") {
                    try await impatient.insert(Sample.organization())
                }
                guard case .busy? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            guard case .busy(let detail)? = openingError(store.path) else {
                Issue.record("opened beside a writer that migrates, for all it knows")
                return
            }
            #expect(detail.contains(store.path))
            mayEnd.set()
            try await holding.value
            try await impatient.insert(Sample.organization())
        }
    }

    @Test("A disk without room is told as full; nothing acknowledged is lost, and room makes it work again")
    func full() async throws {
        try await withStore { store in
            let database = try store.open()
            let organization = Sample.organization(tier: .enterprise)
            try await database.insert(organization)
            database.close()
            let outcome = try storageTestProcess("fill", store.path, organization.internalID.rawValue).wait()
            let lines = outcome.errorLines
            #expect(outcome.status == .exited(0))
            #expect(lines.count == 2)
            #expect(lines.first?.hasPrefix("the database's storage is full") == true, "\(lines)")
            #expect(lines.last == "written")
            let again = try store.open()
            defer { again.close() }
            try again.expectReconciled(organization.internalID)
            try expectSound(again)
        }
    }

    @Test("The write-ahead log is copied into the database before it grows long")
    func checkpoints() async throws {
        try await withStore { store in
            let database = try SQLiteDatabase(path: store.path, now: Moment.start)
            defer { database.close() }
            let organization = Sample.organization()
            try await database.insert(organization)
            let id = organization.internalID
            // Each of these writes about 50 pages, 20 MB together. SQLite leaves out pages that stay the same.
            for index in 0..<100 {
                let filler = String(repeating: index % 2 == 0 ? "a" : "b", count: 200_000)
                try await database.write { transaction throws(DatabaseError) in
                    let change = try transaction.organizations.update(id, now: Moment.start) {
                        $0.name = filler
                    }
                    guard change != nil else { throw .misuse("the organization is gone") }
                }
            }
            #expect(database.statistics.checkpoints >= 3)
            #expect(database.statistics.failures == 0)
            let attributes = try FileManager.default.attributesOfItem(atPath: store.path + "-wal")
            let size = try #require(attributes[.size] as? Int)
            #expect(size < 8 << 20)
        }
    }

    private func expectSound(_ database: any DatabaseDriver) throws {
        let problems = try database.read { transaction throws(DatabaseError) in
            try transaction.query("PRAGMA integrity_check", []) { row throws(DatabaseError) in try row.text() }
                + transaction.query("PRAGMA foreign_key_check", []) { row throws(DatabaseError) in try row.text() }
        }
        #expect(problems == ["ok"])
    }

    @Test("Killed in the middle of its writes, the database keeps every acknowledged upload, charged once")
    func killed() async throws {
        try await withStore { store in
            let database = try store.open()
            let organization = Sample.organization(tier: .enterprise)
            let id = organization.internalID
            try await database.insert(organization)
            database.close()
            var acknowledged = 0
            for round in 1...4 {
                let process = try storageTestProcess("uploads", store.path, id.rawValue)
                _ = process.waitForLine(seconds: 60) { lines in
                    lines.count { $0.utf8.count == 24 } >= 40 * round ? true : nil
                }
                process.send(SIGKILL)
                let outcome = try process.wait()
                #expect(outcome.status == .signalled(SIGKILL))
                let lines = outcome.errorLines
                // The kill may have cut the last line off.
                let uploads = lines.map { UploadID(rawValue: $0) }.filter { $0.rawValue.utf8.count == 24 }
                acknowledged += uploads.count
                #expect(uploads.count >= 40 * round - 1)
                let again = try store.open()
                defer { again.close() }
                try expectSound(again)
                try again.expectReconciled(id)
                let found = try again.read { transaction throws(DatabaseError) in
                    var found = 0
                    for upload in uploads where try transaction.uploads.find(id, id: upload) != nil { found += 1 }
                    return found
                }
                #expect(found == uploads.count)
                // What was in flight is given back, and nothing of it was charged.
                for client in 0..<8 {
                    try await again.write { transaction throws(DatabaseError) in
                        try transaction.credits.releaseHolds(ofNode: "node_\(client)", now: Moment.start)
                    }
                }
                let (state, records) = try again.read { transaction throws(DatabaseError) in
                    (
                        try transaction.credits.reconcile(id)?.stored,
                        try transaction.query("SELECT COUNT(*) FROM uploads", []) { row throws(DatabaseError) in
                            try row.integer()
                        }.first ?? 0
                    )
                }
                #expect(state == LedgerSums(allowanceUsed: 2 * records, purchased: 0, held: 0))
                #expect(records >= acknowledged)
                // At most one more than was acknowledged for each of the eight clients of each round.
                #expect(records <= acknowledged + 8 * round)
            }
        }
    }
}
