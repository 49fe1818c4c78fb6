import TestSupport
import Testing

@Suite("Audit log", .service())
struct AuditTests {
    private static let logs = "/v1/organizations/audit/logs"

    private func events(_ tenant: Tenant, _ query: String = "") throws -> [JSON] {
        let answer = try tenant.get(Self.logs + query)
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.json["results"].array
    }

    @Test("A change is told with who, when, from where and why, and with exactly what changed")
    func beforeAndAfter() throws {
        let tenant = try Service.tenant()
        let request = HTTPRequest(
            "PATCH", "/v1/organizations",
            json: ["nsfw_fail_closed": true, "organization_name": "Test", "metadata": nil])
        let answer = try tenant.send(
            request.adding("X-Change-Reason", "after the incident").adding("User-Agent", "test/1"))
        #expect(answer.status == 200)
        let event = try #require(events(tenant, "?action=organization_updated").first)
        // The name was set to what it was.
        #expect(event["changes"] == ["before": ["nsfw_fail_closed": false], "after": ["nsfw_fail_closed": true]])
        #expect(event["actor_type"] == "api_key" && event["actor_email"] == .string(tenant.email))
        #expect(event["actor_id"].string?.hasPrefix("key_") == true)
        #expect(event["actor_key_name"].string?.hasPrefix("key-") == true)
        #expect(event["reason"] == "after the incident" && event["user_agent"] == "test/1")
        #expect(event["ip_address"] == "127.0.0.1")
        #expect(event["resource_type"] == "organization" && event["resource_id"] == .string(tenant.id))
        #expect(event["request_id"].string == answer["X-Request-Id"])
        let id = try #require(event["audit_id"].string)
        #expect(try tenant.get("\(Self.logs)/\(id)").json == event)
        let count = try events(tenant).count
        // What changes nothing is no event.
        #expect(try tenant.patch(["organization_name": "Test"]).status == 200)
        #expect(try events(tenant).count == count)
    }

    @Test("A refused change leaves no event")
    func refusals() throws {
        let tenant = try Service.tenant()
        let count = try events(tenant).count
        #expect(try tenant.patch(["organization_name": ""]).status == 422)
        #expect(try tenant.delete("/v1/organizations/users/\(tenant.email)").status == 409)
        #expect(try tenant.send(HTTPRequest("POST", "/v1/organizations/users", json: [:])).status == 422)
        #expect(try events(tenant).count == count)
    }

    @Test("Whoever acted stays known after user and key are gone")
    func goneActors() throws {
        let tenant = try Service.tenant()
        let user: JSON = ["email": "gone@example.org", "user_name": "Gone", "role": "admin"]
        #expect(try tenant.send(HTTPRequest("POST", "/v1/organizations/users", json: user)).status == 200)
        let key = try tenant.service.makeKey(
            organization: tenant.id, email: "gone@example.org", permissions: ["admin"])
        let rename = HTTPRequest("PATCH", "/v1/organizations", json: ["organization_name": "By Gone"])
        #expect(try tenant.service.send(rename, key: key["key"].string).status == 200)
        #expect(try tenant.delete("/v1/organizations/users/gone@example.org").status == 200)
        let event = try #require(events(tenant, "?actor_id=\(key["key_id"].string ?? "")").first)
        #expect(event["actor_email"] == "gone@example.org")
        let deletion = try #require(events(tenant, "?action=user_deleted").first)
        #expect(deletion["changes"]["before"]["user_name"] == "Gone")
    }

    @Test("Neither the operator's infrastructure nor an internal ID is in any event")
    func secrecy() throws {
        let tenant = try Service.tenant(["infrastructure": ["cluster": "hidden-cluster"]])
        #expect(try tenant.patchPrivately(["infrastructure": ["cluster": "hidden-too"], "credits": 5]).status == 200)
        #expect(try tenant.patchPrivately(["infrastructure": nil]).status == 200)
        let answer = try tenant.get(Self.logs)
        for text in ["hidden", "infrastructure", "int_", tenant.internalID, tenant.key] {
            #expect(!answer.text.contains(text), "\(text)")
        }
        #expect(try answer.json["results"].array.contains { $0["changes"]["after"]["plane"] == "SHARED" })
    }

    @Test("Events are found by type, resource, actor, action and time, page by page")
    func filters() throws {
        let tenant = try Service.tenant()
        for index in 0..<3 { _ = try tenant.patch(["organization_name": .string("Name \(index)")]) }
        _ = try tenant.accepted(Sample.text)
        let all = try events(tenant)
        #expect(all.map { $0["timestamp"].string ?? "" } == all.map { $0["timestamp"].string ?? "" }.sorted(by: >))
        #expect(try events(tenant, "?limit=2") == Array(all.prefix(2)))
        #expect(try events(tenant, "?skip=1&limit=2") == Array(all.dropFirst().prefix(2)))
        #expect(try tenant.get(Self.logs + "?limit=1").json["total"].int == all.count)
        #expect(try events(tenant, "?action=organization_updated").count == 3)
        #expect(try events(tenant, "?resource_type=upload").map { $0["action"] } == ["upload_accepted"])
        #expect(try events(tenant, "?resource_id=\(tenant.id)&resource_type=organization&limit=1").count == 1)
        #expect(try events(tenant, "?actor_id=operator").allSatisfy { $0["actor_type"] == "operator" })
        #expect(try events(tenant, "?end=2020-01-01").isEmpty)
        #expect(try events(tenant, "?start=2020-01-01").count == all.count)
        for query in ["limit=0", "limit=1001", "skip=-1", "start=x", "until=2020-01-01"] {
            #expect(try tenant.get("\(Self.logs)?\(query)").summary == "422 validation_error", "\(query)")
        }
    }

    @Test("Reads are recorded where the organization asks for it, and only then")
    func readAuditing() throws {
        let tenant = try Service.tenant()
        let settings = "/v1/organizations/audit/settings"
        let id = try tenant.accepted(Sample.text)
        _ = try tenant.get("/v1/uploads/\(id)")
        #expect(try events(tenant).allSatisfy { $0["action"].string?.hasSuffix("_accessed") == false })
        #expect(try tenant.get(settings).json == ["read_auditing_enabled": false])
        let enable = HTTPRequest("PATCH", settings, json: ["read_auditing_enabled": true])
        #expect(try tenant.send(enable).json == ["read_auditing_enabled": true])
        #expect(try tenant.send(HTTPRequest("PATCH", settings, json: [:])).json == ["read_auditing_enabled": true])
        _ = try tenant.get("/v1/uploads/\(id)/content")
        _ = try tenant.get("/v1/organizations/users/\(tenant.email)")
        _ = try tenant.get("/v1/uploads/upl_0000000000000000")
        let reads = try events(tenant).filter { $0["action"].string?.hasSuffix("_accessed") == true }
        #expect(reads.map { $0["action"] } == ["user_accessed", "upload_accessed"])
        #expect(reads.last?["resource_id"] == .string("/v1/uploads/\(id)/content"))
        #expect(reads.last?["actor_email"] == .string(tenant.email))
        for body: JSON in [["read_auditing_enabled": "yes"], ["write_auditing_enabled": false]] {
            #expect(try tenant.send(HTTPRequest("PATCH", settings, json: body)).summary == "422 validation_error")
        }
        #expect(try tenant.get(settings).json == ["read_auditing_enabled": true])
    }
}
