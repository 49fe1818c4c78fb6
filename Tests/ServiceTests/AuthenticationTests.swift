import TestSupport
import Testing

@Suite("Authentication and permissions", .service())
struct AuthenticationTests {
    @Test(
        "A key that is missing, malformed or unknown is 401",
        arguments: [
            nil, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer sk_", "Bearer sk_unknown", "sk_unknown",
            "Bearer sk_unknown sk_other", "Bearer key_0123456789abcdef",
            "Bearer sk_" + String(repeating: "A", count: 43), "Bearer " + String(repeating: "A", count: 4_000),
        ])
    func noKey(header: String?) throws {
        for target in ["/v1/organizations", "/v1/uploads", "/v1/uploads/upl_0000000000000000"] {
            var request = HTTPRequest("GET", target)
            if let header { request = request.adding("Authorization", header) }
            let answer = try Service.current.send(request)
            #expect(answer.summary == "401 unauthorized", "\(target)")
            let envelope = try answer.json
            #expect(envelope["success"] == false)
            #expect(envelope["status"] == 401)
            #expect(envelope["error"]["type"] == "UnauthorizedError")
            #expect(envelope["error"].keys == ["code", "details", "message", "type"])
            #expect(answer["X-Request-Id"]?.isEmpty == false)
        }
    }

    @Test("The scheme's name is not case sensitive, the key is")
    func schemeCase() throws {
        let tenant = try Service.tenant()
        let get = HTTPRequest("GET", "/v1/organizations")
        let service = tenant.service
        #expect(try service.send(get.adding("Authorization", "bearer \(tenant.key)")).status == 200)
        let changed = tenant.key == tenant.key.uppercased() ? tenant.key.lowercased() : tenant.key.uppercased()
        #expect(try service.send(get, key: changed).status == 401)
        #expect(try service.send(get, key: String(tenant.key.dropLast())).status == 401)
    }

    @Test("Each permission opens its own endpoints and those below it")
    func permissions() throws {
        let tenant = try Service.tenant()
        let id = try tenant.accepted(Sample.text)
        let requests: [(needed: String, request: HTTPRequest, success: Int)] = [
            ("read", HTTPRequest("GET", "/v1/organizations"), 200),
            ("read", HTTPRequest("GET", "/v1/uploads"), 200),
            ("read", HTTPRequest("GET", "/v1/uploads/\(id)"), 200),
            ("read", HTTPRequest("GET", "/v1/uploads/\(id)/content"), 200),
            ("write", HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text)), 201),
            ("admin", HTTPRequest("PATCH", "/v1/organizations", json: ["organization_name": "Renamed"]), 200),
        ]
        let ranks = ["read", "write", "delete", "admin"]
        for (rank, permission) in ranks.enumerated() {
            let key = try tenant.makeKey(permission)
            for (needed, request, success) in requests {
                let isAllowed = rank >= (ranks.firstIndex(of: needed) ?? 0)
                let answer = try tenant.service.send(request, key: key)
                #expect(
                    answer.summary == (isAllowed ? "\(success)" : "403 forbidden"),
                    "\(request.method) \(request.target) with \(permission)")
                if !isAllowed { #expect(try answer.json["error"]["type"] == "ForbiddenError") }
            }
            let victim = try tenant.accepted(Sample.text)
            let deletion = try tenant.service.send(HTTPRequest("DELETE", "/v1/uploads/\(victim)"), key: key)
            #expect(deletion.summary == (rank >= 2 ? "204" : "403 forbidden"), "DELETE with \(permission)")
        }
    }

    @Test("A key is good for its own organization only")
    func otherOrganization() throws {
        let (one, other) = (try Service.tenant(), try Service.tenant())
        let id = try one.accepted(Sample.text)
        let unknown = "upl_0000000000000000"
        for suffix in ["", "/content"] {
            let foreign = try other.get("/v1/uploads/\(id)\(suffix)")
            let missing = try other.get("/v1/uploads/\(unknown)\(suffix)")
            #expect(foreign.summary == "404 not_found")
            #expect(missing.summary == "404 not_found")
            // Not even the wording tells a foreign upload from one that never was.
            let wording = foreign.text.replacing(id, with: unknown)
            #expect(wording == missing.text)
        }
        #expect(try other.delete("/v1/uploads/\(id)").summary == "404 not_found")
        #expect(try other.get("/v1/uploads").json["results"].array.isEmpty)
        #expect(try one.get("/v1/uploads/\(id)/content").body == Sample.text)
    }

    @Test("The private listener's token is no key, and a key is no token")
    func tokenAndKeyAreDifferent() throws {
        let tenant = try Service.tenant()
        let service = tenant.service
        #expect(try service.send(HTTPRequest("GET", "/v1/organizations"), key: service.privateToken).status == 401)
        let request = HTTPRequest("GET", "/v1/private/organizations").authorized(by: tenant.key)
        #expect(try service.connectPrivately().exchange(request).status == 401)
    }

    @Test("An organization that was deleted has no valid keys")
    func deletedOrganization() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.get("/v1/organizations").status == 200)
        let answer = try tenant.service.sendPrivately(
            HTTPRequest("DELETE", "/v1/private/organizations/\(tenant.id)"))
        #expect(answer.status < 300)
        #expect(try tenant.get("/v1/organizations").summary == "401 unauthorized")
        #expect(try tenant.upload(Sample.text).summary == "401 unauthorized")
    }
}
