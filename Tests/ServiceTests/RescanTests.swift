import TestSupport
import Testing

@Suite("Scanning again", .service())
struct RescanTests {
    private func rescan(_ tenant: Tenant, _ id: String) throws -> HTTPResponse {
        try tenant.send(HTTPRequest("POST", "/v1/uploads/\(id)/rescan"))
    }

    @Test("What was scanned, or did not need to be, is not scanned again")
    func conflict() throws {
        let tenant = try Service.tenant()
        let note = try tenant.accepted(Sample.text)
        let picture = try #require(tenant.upload(fixture: Sample.safeJPEG).json["upload_id"].string)
        for id in [note, picture] {
            let answer = try rescan(tenant, id)
            #expect(answer.summary == "409 conflict")
            #expect(try answer.json["error"]["details"]["status"] == "COMPLETED")
        }
        #expect(try rescan(tenant, "upl_0000000000000000").summary == "404 not_found")
    }

    @Test("What was admitted unscanned is scanned on request, as soon as the classifier is there")
    func settles() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        try service.setClassifier("down")
        let safe = try tenant.upload(fixture: Sample.safeJPEG).json
        let nsfw = try tenant.upload(fixture: Sample.nsfwJPEG).json
        #expect(safe["scan_state"] == "unscanned" && nsfw["scan_state"] == "unscanned")
        let (safeID, nsfwID) = (safe["upload_id"].string ?? "", nsfw["upload_id"].string ?? "")
        let unavailable = try rescan(tenant, safeID)
        #expect(unavailable.summary == "503 nsfw_classifier_unavailable")
        #expect(unavailable["Retry-After"] != nil)
        #expect(try tenant.get("/v1/uploads/\(safeID)").json["scan_state"] == "unscanned")

        try service.setClassifier("up")
        // The service scans its debt by itself, too: then there is nothing left to do.
        let first = try rescan(tenant, safeID)
        #expect(first.status == 200 || first.summary == "409 conflict", "\(first.text)")
        _ = try rescan(tenant, nsfwID)
        #expect(try tenant.get("/v1/uploads/\(safeID)").json["scan_state"] == "scanned")
        #expect(try tenant.get("/v1/uploads/\(nsfwID)").json["status"] == "QUARANTINED")
        #expect(try tenant.get("/v1/uploads/\(nsfwID)/content").summary == "410 quarantined")
        let events = try tenant.get("/v1/organizations/audit/logs?action=upload_quarantined").json
        #expect(events["total"] == 1)
        try service.stop()
    }
}
