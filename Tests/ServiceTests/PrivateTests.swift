import TestSupport
import Testing

@Suite("The private API", .service())
struct PrivateTests {
    private func send(_ method: String, _ target: String, _ json: JSON? = nil) throws -> HTTPResponse {
        let request = json.map { HTTPRequest(method, target, json: $0) } ?? HTTPRequest(method, target)
        return try Service.current.sendPrivately(request)
    }

    @Test("Without the token, or with another, nothing private is answered")
    func token() throws {
        let service = try Service.current
        for target in ["/v1/private/organizations", "/v1/private/classifier"] {
            for token in [nil, "", "wrong", service.privateToken + "x", String(service.privateToken.dropLast())] {
                let answer = try service.connectPrivately()
                    .exchange(HTTPRequest("GET", target).authorized(by: token))
                #expect(answer.summary == "401 unauthorized", "\(target) with \(token ?? "no token")")
            }
        }
        let unauthorized = try service.connectPrivately()
            .exchange(HTTPRequest("PUT", "/v1/private/classifier", json: ["state": "down"]))
        #expect(unauthorized.status == 401)
        #expect(try Service.tenant().upload(fixture: Sample.safeJPEG).json["scan_state"] == "scanned")
    }

    @Test("Amounts beyond the ledger's and an organization without a name are refused by name")
    func createValidation() throws {
        let huge = try send(
            "POST", "/v1/private/organizations", ["organization_name": "x", "credits": 1_000_000_000_001])
        #expect(huge.summary == "422 validation_error")
        #expect(huge.text.contains("credits"))
        for body: JSON in [["organization_name": nil], ["organization_name": ""], [:]] {
            let answer = try send("POST", "/v1/private/organizations", body)
            #expect(answer.summary == "422 validation_error")
            #expect(answer.text.contains("organization_name"))
        }
    }

    @Test("The public listener does not know the private API")
    func notOnThePublicListener() throws {
        let service = try Service.current
        for (method, target) in [
            ("GET", "/v1/private/organizations"), ("POST", "/v1/private/organizations"),
            ("GET", "/v1/private/classifier"), ("PUT", "/v1/private/classifier"), ("GET", "/metrics"),
        ] {
            let answer = try service.send(HTTPRequest(method, target, json: [:]), key: service.privateToken)
            #expect(answer.status == 404 || answer.status == 401, "\(method) \(target): \(answer.status)")
            #expect(!answer.text.contains("internal_id"))
        }
    }

    @Test("An organization is created with its tier, credits, plane and users, and read back")
    func create() throws {
        let answer = try send(
            "POST", "/v1/private/organizations",
            [
                "organization_name": "Created", "account_type": "team", "credits": 7,
                "users": [
                    ["email": "one@example.org", "user_name": "One", "role": "admin"],
                    ["email": "two@example.org", "user_name": "Two", "role": "member"],
                ], "infrastructure": ["cluster": "eu-1"], "rate_limits": ["upload": 123],
            ])
        #expect(answer.status == 200)
        let created = try answer.json
        let id = try #require(created["organization_id"].string)
        #expect(created["internal_id"].string?.hasPrefix("int_") == true)
        #expect((created["internal_id"].string ?? "").count >= 24)
        #expect(created["infrastructure"] == ["cluster": "eu-1"])
        #expect(created["account_type"] == "team")
        #expect(created["credit_count"] == 1_000_007)
        #expect(created["rate_limits"]["upload"] == 123)

        #expect(try send("GET", "/v1/private/organizations/\(id)").json["internal_id"] == created["internal_id"])
        let key = try Service.current.makeKey(organization: id, email: "two@example.org", permissions: ["read"])
        #expect(key["key"].string?.hasPrefix("sk_") == true)
        #expect(key["key_id"].string?.hasPrefix("key_") == true)
    }

    @Test("Organizations are listed page by page, each once")
    func list() throws {
        let tenants = try (0..<5).map { _ in try Service.tenant().id }
        var seen: [String] = []
        var cursor: String?
        repeat {
            let page = try send("GET", "/v1/private/organizations?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(page.status == 200)
            seen += try page.json["results"].array.compactMap { $0["organization_id"].string }
            cursor = try page.json["pagination"]["next_cursor"].string
        } while cursor != nil && seen.count < 1_000
        #expect(Set(seen).count == seen.count)
        #expect(Set(tenants).isSubset(of: seen))
    }

    @Test("PATCH sets tier, limits, cap and plane, and they hold at once")
    func patch() throws {
        let tenant = try Service.tenant(tier: "free", rateLimits: [:])
        #expect(try tenant.credits() == 1_000)
        #expect(try tenant.patchPrivately(["account_type": "pro"]).status == 200)
        #expect(try tenant.credits() == 100_000)
        #expect(try tenant.upload(Sample.text)["X-RateLimit-Limit"] == "30")
        #expect(try tenant.patchPrivately(["rate_limits": ["upload": 44]]).status == 200)
        #expect(try tenant.upload(Sample.text)["X-RateLimit-Limit"] == "44")
        #expect(try tenant.patchPrivately(["monthly_credit_cap": 10]).status == 200)
        #expect(try tenant.credits() == 8)
        #expect(try tenant.patchPrivately(["infrastructure": ["a": 1]]).json["infrastructure"] == ["a": 1])
        // A field that is absent stays, above all the plane.
        let later = try tenant.patchPrivately(["organization_name": "Later"]).json
        #expect(later["infrastructure"] == ["a": 1])
        #expect(try tenant.patchPrivately(["infrastructure": nil]).json["infrastructure"] == .null)
    }

    @Test("What is wrong in a private request is named, and changes nothing")
    func validation() throws {
        let tenant = try Service.tenant()
        let before = try tenant.organization()
        for (field, value) in [
            ("account_type", "platinum" as JSON), ("credits", -1), ("credits", "many"), ("infrastructure", "eu"),
            ("rate_limits", ["uploads": 1]), ("monthly_credit_cap", -5), ("unheard_of", 1),
        ] {
            let answer = try tenant.patchPrivately(.object([field: value]))
            #expect(answer.summary == "422 validation_error", "\(field): \(value)")
            #expect(answer.text.contains(field))
        }
        #expect(try tenant.organization() == before)
        #expect(try send("POST", "/v1/private/organizations", [:]).status == 422)
        #expect(try send("GET", "/v1/private/organizations/org_00000000000").summary == "404 not_found")
        #expect(try send("PUT", "/v1/private/classifier", ["state": "sideways"]).status == 422)
    }

    @Test("A user is added once")
    func addUser() throws {
        let tenant = try Service.tenant()
        let target = "/v1/private/organizations/\(tenant.id)/add-user"
        let user: JSON = ["email": "new@example.org", "user_name": "New", "role": "member"]
        #expect(try send("POST", target, user).status == 200)
        #expect(try send("POST", target, user).summary == "409 already_exists")
        let key = try Service.current.makeKey(
            organization: tenant.id, email: "new@example.org", permissions: ["read", "write"])
        let secret = try #require(key["key"].string)
        #expect(try tenant.service.send(HTTPRequest("GET", "/v1/organizations"), key: secret).status == 200)
        let path = "/v1/private/organizations/\(tenant.id)/users/nobody@example.org/bootstrap-key"
        #expect(try send("POST", path, [:]).summary == "404 not_found")
    }

    @Test("The classifier's state can be asked for")
    func classifierState() throws {
        _ = try Service.tenant().upload(fixture: Sample.safeJPEG)
        let answer = try send("GET", "/v1/private/classifier")
        #expect(answer.status == 200)
        #expect(try answer.json["state"] == "up")
    }
}
