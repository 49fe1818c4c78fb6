import Foundation
import TestSupport
import Testing

@Suite("Quarantine", .blocking)
struct QuarantineTests {
    private func quarantine(_ service: Service, _ rest: String = "") throws -> HTTPResponse {
        try service.sendPrivately(HTTPRequest("GET", "/v1/private/quarantine\(rest)"))
    }

    private func act(_ service: Service, _ id: String, _ act: String, _ body: JSON) throws -> HTTPResponse {
        try service.sendPrivately(HTTPRequest("POST", "/v1/private/quarantine/\(id)/\(act)", json: body))
    }

    /// Uploads that a late scan took out of service.
    private func quarantined(_ service: Service, _ tenant: Tenant, _ fixtures: String...) throws -> [String] {
        try service.setClassifier("down")
        let ids = try fixtures.map { try tenant.accepted(Repository.fixture($0)) }
        try service.setClassifier("up")
        // Workers that are killed over each file have to come up again, on a machine that is busy with other tests.
        let areQuarantined = try Concurrent.eventually(seconds: 180) {
            try ids.allSatisfy { try tenant.get("/v1/uploads/\($0)").json["status"] == "QUARANTINED" }
        }
        guard areQuarantined else { throw SupportError("nothing was quarantined: \(service.log.suffix(1000))") }
        return ids
    }

    @Test("The operator lists, inspects, releases with a reason and purges; each act is in the tenant's audit log")
    func operatorDecides() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let ids = try quarantined(service, tenant, Sample.nsfwJPEG, Sample.nsfwPNG)
        let list = try quarantine(service).json["results"].array
        #expect(Set(list.compactMap { $0["upload"]["upload_id"].string }) == Set(ids))
        #expect(try quarantine(service, "?organization_id=org_other").json["results"].array.isEmpty)
        #expect(try quarantine(service, "?status=QUARANTINED&limit=1").json["pagination"]["next_cursor"].string != nil)
        let entry = try quarantine(service, "/\(ids[0])").json
        #expect(entry["upload"]["gate"]["reason"] == "nsfw" && entry["upload"]["organization_id"] == .string(tenant.id))
        #expect(entry["retained_until"] == .null && entry["quarantined_at"].string != nil)
        let content = try quarantine(service, "/\(ids[0])/content")
        #expect(try content.body == Repository.fixture(Sample.nsfwJPEG))
        #expect(content["Content-Type"] == "application/octet-stream" && content["Cache-Control"] == "no-store")

        for (body, status) in [([:], 422), (["reason": ""], 422), (["reason": "x", "why": 1], 422)] as [(JSON, Int)] {
            #expect(try act(service, ids[0], "release", body).status == status)
        }
        let credits = try tenant.credits()
        let released = try act(service, ids[0], "release", ["reason": "It is a vase."])
        #expect(released.status == 200)
        #expect(try released.json["status"] == "COMPLETED" && released.json["gate"]["decision"] == "accepted")
        #expect(try tenant.get("/v1/uploads/\(ids[0])/content").body == Repository.fixture(Sample.nsfwJPEG))
        #expect(try act(service, ids[1], "purge", [:]).status == 200)
        #expect(try tenant.get("/v1/uploads/\(ids[1])/content").summary == "410 gone")
        #expect(try tenant.credits() == credits)
        #expect(try quarantine(service).json["results"].array.isEmpty)
        for (id, rest) in [(ids[0], "release"), (ids[1], "purge")] {
            #expect(try act(service, id, rest, ["reason": "again"]).summary == "404 not_found")
        }
        let events = try tenant.get("/v1/organizations/audit/logs?resource_type=upload").json["results"].array
        let actions = events.map { "\($0["action"].string ?? "") \($0["actor_id"].string ?? "")" }
        for action in ["upload_inspected operator", "upload_released operator", "upload_purged operator"] {
            #expect(actions.contains(action), "\(actions)")
        }
        let release = try #require(events.first { $0["action"] == "upload_released" })
        #expect(release["changes"]["after"]["reason"] == "It is a vase.")
        #expect(try contents(service) == 1)
        try service.stop()
    }

    /// How many contents are kept, in files or in the database; all of them whole.
    private func contents(_ service: Service) throws -> Int? {
        let books = try service.command("verify", "--content", "--json")
        #expect(books.status == .exited(0), "\(books.outputText)\(books.errorText)")
        return try JSON(parsing: books.outputText)["summary"]["contents"].int
    }

    @Test(
        "With retention a rejected upload can be appealed: released, it is charged, and only if the credits are there")
    func appeal() throws {
        let service = try Service(settings: ["PORTCULLIS_REJECTED_RETENTION_DAYS": "7"])
        let tenant = try service.makeTenant(["monthly_credit_cap": 1])
        let rejected = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(rejected.summary == "422 nsfw_content_rejected")
        let id = try #require(rejected.json["error"]["details"]["upload_id"].string)
        #expect(try tenant.get("/v1/uploads/\(id)/content").summary == "404 not_found")
        let entry = try quarantine(service, "?status=REJECTED").json["results"][0]
        #expect(entry["upload"]["upload_id"] == .string(id) && entry["retained_until"].string != nil)
        _ = try tenant.accepted(Sample.text)
        let refused = try act(service, id, "release", ["reason": "A vase."])
        #expect(refused.summary == "402 insufficient_credits")
        #expect(try tenant.get("/v1/uploads/\(id)").json["status"] == "REJECTED")
        #expect(try tenant.patchPrivately(["credits": 1]).status == 200)
        #expect(try act(service, id, "release", ["reason": "A vase."]).json["credits_charged"] == 1)
        #expect(try tenant.credits() == 0)
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == Repository.fixture(Sample.nsfwJPEG))
        #expect(service.spoolFiles.isEmpty)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    @Test("The command line does the same beside the running service, and without it")
    func commandLine() throws {
        let service = try Service(settings: ["PORTCULLIS_REJECTED_RETENTION_DAYS": "7"])
        let tenant = try service.makeTenant()
        var ids: [String] = []
        for name in [Sample.nsfwJPEG, Sample.nsfwPNG, Sample.truncatedJPEG] {
            let details = try tenant.upload(fixture: name).json["error"]["details"]
            ids.append(try #require(details["upload_id"].string))
        }
        let list = try service.command("quarantine", "list")
        #expect(list.status == .exited(0))
        let lines = list.outputText.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        #expect(lines.count == 3 && lines.allSatisfy { $0.count == 6 && $0[1] == tenant.id && $0[2] == "REJECTED" })
        let shown = try service.command("quarantine", "show", ids[2])
        #expect(try JSON(parsing: shown.outputText)["upload"]["gate"]["reason"] == "unscannable")
        #expect(try service.command("quarantine", "release", ids[0]).status == .exited(64))
        let released = try service.command("quarantine", "release", ids[0], "--reason", "A vase.")
        #expect(released.status == .exited(0), "\(released.errorText)")
        #expect(try JSON(parsing: released.outputText)["status"] == "COMPLETED")
        #expect(try tenant.get("/v1/uploads/\(ids[0])/content").status == 200)
        #expect(try service.command("quarantine", "purge", ids[1]).status == .exited(0))
        #expect(try contents(service) == 2)
        try service.stop()
        #expect(try service.command("quarantine", "purge", ids[2], "--reason", "too old").status == .exited(0))
        #expect(try service.command("quarantine", "purge", ids[2]).status == .exited(1))
        #expect(try contents(service) == 1)
    }

    // A machine with too much to do looks like a file that outruns its workers. So a late scan without a result takes
    // the upload out of service, but is no verdict: it is repeated.
    @Test("A late scan that times out withholds the upload and is repeated until it has a result")
    func repeatedScan() throws {
        let directory = try TemporaryDirectory()
        let hasty = try Service(settings: ["PORTCULLIS_DEADLINE_MILLISECONDS": "1"], in: directory)
        let tenant = try hasty.makeTenant()
        let ids = try quarantined(hasty, tenant, Sample.safeJPEG, Sample.nsfwJPEG)
        for id in ids {
            let upload = try tenant.get("/v1/uploads/\(id)").json
            #expect(upload["gate"]["reason"] == "unscannable" && upload["scan_state"] == "unscanned")
            let entry = try quarantine(hasty, "/\(id)").json
            #expect(entry["scan_attempts"] == 1 && entry["next_scan_at"].string != nil)
        }
        try hasty.stop()
        let program = """
            import sqlite3, sys
            with sqlite3.connect(sys.argv[1]) as db: db.execute("UPDATE quarantine SET next_scan_at = 1")
            """
        let changed = try ChildProcess.run(
            "/usr/bin/env", ["python3", "-c", program, directory.path("data/portcullis.db")])
        #expect(changed.status == .exited(0), "\(changed.errorText)")

        let patient = try Service(in: directory)
        let isSettled = try Concurrent.eventually {
            try patient.send(HTTPRequest("GET", "/v1/uploads/\(ids[0])"), key: tenant.key).json["status"] == "COMPLETED"
                && quarantine(patient, "/\(ids[1])").json["upload"]["gate"]["reason"] == "nsfw"
        }
        #expect(isSettled, "\(patient.log.suffix(1000))")
        #expect(try quarantine(patient, "/\(ids[1])").json["next_scan_at"] == .null)
        #expect(try patient.command("verify").status == .exited(0))
        try patient.stop()
    }
}
