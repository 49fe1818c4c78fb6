import Foundation
import TestSupport
import Testing

@Suite("Damaged and half restored data directories", .blocking)
struct DamageTests {
    // The answer announces the length that the record has. A file that ends before it keeps the client waiting for the
    // rest, and the shutdown waiting for the client.
    @Test("A content whose file is shorter than its record is answered with 500 at once, and named in the log")
    func truncated() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let id = try tenant.accepted(Sample.noise(50_000))
        let path = try #require(service.directory.files(below: "data/blobs").first)
        let handle = try FileHandle(forWritingTo: service.directory.url(path))
        try handle.truncate(atOffset: 20_000)
        try handle.close()
        let target = "/v1/uploads/\(id)/content"
        #expect(try tenant.get(target).summary == "500 internal_error")
        let part = HTTPRequest("GET", target).adding("Range", "bytes=100-30000")
        #expect(try tenant.send(part).summary == "500 internal_error")
        let ended = try service.stop()
        #expect(ended.status == .exited(0))
        let line = ended.errorLines.first { $0.contains(id) && $0.contains("its file has 20000 bytes") }
        #expect(line?.contains("\"level\":\"error\"") == true, "\(ended.errorText.suffix(2_000))")
    }

    @Test("Without its database a data directory is refused, and nothing in it is removed")
    func databaseLost() throws {
        let service = try Service()
        _ = try service.makeTenant().accepted(Sample.noise(50_000))
        try service.stop()
        let contents = service.directory.files(below: "data/blobs")
        for isEmpty in [false, true] {
            try FileManager.default.removeItem(at: service.directory.url("data/portcullis.db"))
            if isEmpty { try service.directory.write([], to: "data/portcullis.db") }
            for command in [["serve"], ["org", "create", "--name", "new"]] {
                let outcome = try ChildProcess.run(
                    Service.executable.get(), command,
                    environment: Service.environment(dataDirectory: service.dataDirectory))
                #expect(outcome.status == .exited(78), "\(outcome.errorText)")
                #expect(
                    outcome.errorText.contains("is missing or empty, beside what an earlier one left (node-id, blobs)"))
            }
            #expect(service.directory.files(below: "data/blobs") == contents)
            if !isEmpty { try service.directory.write([], to: "data/portcullis.db") }
        }
    }

    @Test("A mistyped data directory is told by whatever only looks, and is not made")
    func mistyped() throws {
        let folder = try TemporaryDirectory()
        let environment = Service.environment(dataDirectory: folder.path("typo"))
        for command in [
            ["verify"], ["backup", folder.path("backup")], ["quarantine", "list"], ["org", "list"],
            ["org", "show", "org_x"],
        ] {
            let outcome = try ChildProcess.run(Service.executable.get(), command, environment: environment)
            #expect(outcome.status != .exited(0))
            #expect(
                outcome.errorText.contains("there is no database at \(folder.path("typo"))/portcullis.db"),
                "\(command): \(outcome.errorText)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("")).isEmpty)
    }

    // Whoever looks at credits later must know why an account gets no new allowance.
    @Test("A clock that is behind the periods that were begun is told at the start and by the health")
    func clockBehind() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        #expect(try service.send(HTTPRequest("GET", "/v1/health")).json["errors"]["clock"].string == nil)
        try service.stop()
        let program = """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1])
            db.execute("UPDATE credit_accounts SET period_start = period_start + 5 * 366 * 86400000, "
                       "period_end = period_end + 5 * 366 * 86400000")
            db.commit()
            """
        let change = try ChildProcess.run(
            "/usr/bin/env", ["python3", "-c", program, service.dataDirectory + "/portcullis.db"])
        #expect(change.status == .exited(0), "\(change.errorText)")
        try service.start()
        let health = try service.send(HTTPRequest("GET", "/v1/health"))
        #expect(health.status == 200)
        #expect(try health.json["status"] == "DEGRADED")
        #expect(try health.json["errors"]["clock"].string?.hasPrefix("behind: a billing period begins at ") == true)
        _ = try tenant.accepted(Sample.text)
        #expect(try service.stop().errorText.contains("clock.behind"))
    }

    @Test("Names that are no upload's in spool and staging do not keep the service from starting")
    func strayNames() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        try service.stop()
        try FileManager.default.createDirectory(
            at: service.directory.url("data/spool/lost+found"), withIntermediateDirectories: false)
        try service.directory.write(Sample.text, to: "data/staging/notes.txt")
        try service.start()
        _ = try tenant.accepted(Sample.text)
        let ended = try service.stop()
        for name in ["spool/lost+found", "staging/notes.txt"] {
            #expect(ended.errorLines.contains { $0.contains("storage.stray_file") && $0.contains(name) })
        }
    }
}
