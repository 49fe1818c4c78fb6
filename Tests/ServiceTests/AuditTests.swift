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
        #expect(reads.allSatisfy { $0["status"] == "success" && $0["changes"] == .null })
        #expect(reads.last?["resource_id"] == .string("/v1/uploads/\(id)/content"))
        #expect(reads.last?["actor_email"] == .string(tenant.email))
        for body: JSON in [["read_auditing_enabled": "yes"], ["write_auditing_enabled": false]] {
            #expect(try tenant.send(HTTPRequest("PATCH", settings, json: body)).summary == "422 validation_error")
        }
        #expect(try tenant.get(settings).json == ["read_auditing_enabled": true])
    }

    // HEAD tells whether something exists, how large it is and its hash; a refusal tells what somebody was after.
    @Test("A read is recorded also as HEAD, and also where it was refused")
    func readAttempts() throws {
        let tenant = try Service.tenant(rateLimits: [
            "metadata": 9_000, "data": 9_000, "search": 4, "upload": 9_000, "compute": 9_000,
        ])
        let id = try tenant.accepted(Sample.text)
        let enable = HTTPRequest(
            "PATCH", "/v1/organizations/audit/settings", json: ["read_auditing_enabled": true])
        #expect(try tenant.send(enable).status == 200)
        let reader = try tenant.makeKey("read")
        let service = tenant.service
        let head = HTTPRequest("HEAD", "/v1/uploads/\(id)/content")
        #expect(try service.send(head, key: reader).status == 200)
        #expect(try service.send(HTTPRequest("GET", "/v1/uploads/upl_0000000000000000"), key: reader).status == 404)
        #expect(try service.send(HTTPRequest("GET", "/v1/organizations/users"), key: reader).status == 403)
        #expect(
            try service.send(HTTPRequest("GET", "/v1/organizations/users/\(tenant.email)x"), key: reader).status == 403)
        let reads = try events(tenant).prefix(4)
        #expect(
            reads.map { $0["action"] } == [
                "user_access_refused", "user_access_refused", "upload_access_refused", "upload_accessed",
            ])
        #expect(reads.map { $0["status"] } == ["failure", "failure", "failure", "success"])
        #expect(reads.map { $0["changes"]["after"]["status"] } == [403, 403, 404, .missing])
        #expect(reads[1]["resource_id"] == "/v1/organizations/users")
        #expect(reads.allSatisfy { $0["actor_email"] == .string(tenant.email) })
        // Recording costs: refusals count against the limit, so that nobody fills the log without end.
        let writer = try tenant.makeKey("write")
        let statuses = try (0..<6).map { _ in
            try service.send(HTTPRequest("GET", "/v1/uploads?unknown=1"), key: writer).status
        }
        #expect(statuses == [422, 422, 422, 422, 429, 429])
    }

    @Test("Each key that ends with its user has an event of its own")
    func revocations() throws {
        let tenant = try Service.tenant()
        let users = "/v1/organizations/users"
        for end in [
            HTTPRequest("PATCH", users + "/u@example.org", json: ["status": "suspended"]),
            HTTPRequest("DELETE", users + "/u@example.org"),
        ] {
            _ = try tenant.send(HTTPRequest("POST", users, json: ["email": "u@example.org", "user_name": "User"]))
            #expect(
                try tenant.send(HTTPRequest("PATCH", users + "/u@example.org", json: ["status": "active"])).status
                    == 200)
            let ids = try (0..<2).map { _ in
                try tenant.service.makeKey(
                    organization: tenant.id, email: "u@example.org", permissions: ["read"])["key_id"].string ?? ""
            }
            #expect(try tenant.send(end).status == 200)
            for id in ids {
                let found = try events(tenant, "?action=api_key_revoked&resource_id=\(id)")
                #expect(found.count == 1 && found.first?["actor_email"] == .string(tenant.email), "\(end.method)")
                #expect(found.first?["changes"]["before"]["permissions"] == ["read"])
            }
        }
    }

    @Test("What the operator does says from where and why, and creates nobody unnoticed")
    func operatorsEvents() throws {
        let tenant = try Service.tenant()
        let first = try #require(events(tenant, "?action=user_created").first)
        #expect(first["actor_id"] == "operator" && first["resource_id"] == .string(tenant.email))
        #expect(first["changes"]["after"]["role"] == "admin")
        let change = HTTPRequest(
            "PATCH", "/v1/private/organizations/\(tenant.id)", json: ["billing_cycle_start": 7]
        ).adding("X-Change-Reason", "ticket 12").adding("User-Agent", "console/1")
        #expect(try tenant.service.sendPrivately(change).status == 200)
        let event = try #require(events(tenant, "?action=organization_updated").first)
        #expect(event["ip_address"] == "127.0.0.1" && event["reason"] == "ticket 12")
        #expect(event["user_agent"] == "console/1")
    }

    @Test("A change of the infrastructure within its plane is told, and not what it is")
    func dedicatedPlane() throws {
        let tenant = try Service.tenant(["infrastructure": ["cluster": "one"]])
        #expect(try tenant.patchPrivately(["infrastructure": ["cluster": "one"]]).status == 200)
        #expect(try events(tenant, "?action=dedicated_plane_updated").isEmpty)
        #expect(try tenant.patchPrivately(["infrastructure": ["cluster": "two"]]).status == 200)
        let found = try events(tenant, "?action=dedicated_plane_updated")
        #expect(found.count == 1 && found.first?["changes"] == .null && found.first?["actor_id"] == "operator")
    }

    @Test("Uploads, rejections and deletions say from where they came")
    func uploadsOrigins() throws {
        let tenant = try Service.tenant()
        let post = HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
            .adding("User-Agent", "uploader/1").adding("X-Change-Reason", "backup")
        let id = try #require(tenant.send(post).json["upload_id"].string)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        #expect(try tenant.delete("/v1/uploads/\(id)").status == 204)
        let found = try events(tenant, "?resource_type=upload")
        #expect(found.map { $0["action"] } == ["upload_deleted", "upload_rejected", "upload_accepted"])
        #expect(found.allSatisfy { $0["ip_address"] == "127.0.0.1" && $0["actor_email"] == .string(tenant.email) })
        #expect(found.last?["user_agent"] == "uploader/1" && found.last?["reason"] == "backup")
    }

    @Test("The official API's export is not here, and says so")
    func export() throws {
        let answer = try Service.tenant().get(Self.logs + "/export")
        #expect(answer.summary == "404 not_found" && answer.text.contains("not exported"))
    }
}
