import TestSupport
import Testing

@Suite("Users", .service())
struct UserTests {
    private static let users = "/v1/organizations/users"

    private func create(_ tenant: Tenant, _ email: String, _ members: [String: JSON] = [:]) throws -> HTTPResponse {
        let user: [String: JSON] = ["email": .string(email), "user_name": "Somebody"]
        return try tenant.send(HTTPRequest("POST", Self.users, json: .object(user.merging(members) { $1 })))
    }

    private func update(_ tenant: Tenant, _ email: String, _ changes: JSON) throws -> HTTPResponse {
        try tenant.send(HTTPRequest("PATCH", "\(Self.users)/\(email)", json: changes))
    }

    @Test("A user is created, read, changed field by field, listed and deleted")
    func life() throws {
        let tenant = try Service.tenant()
        let created = try create(tenant, "a@example.org", ["role": "viewer", "metadata": ["a": 1]])
        #expect(created.status == 200)
        #expect(try created.json["status"] == "active")
        #expect(try tenant.get("\(Self.users)/a@example.org").json == created.json)
        let changes: [(String, JSON)] = [
            ("user_name", "Ünïcode 😀"), ("avatar_url", "https://example.org/a.png"), ("role", "member"),
            ("metadata", ["b": [1, nil]]), ("status", "pending"),
        ]
        for (field, value) in changes {
            let answer = try update(tenant, "a@example.org", .object([field: value]))
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try answer.json[field] == value)
        }
        // Absent and null leave everything as it is.
        let before = try tenant.get("\(Self.users)/a@example.org").json
        let nothing: JSON = ["user_name": nil, "avatar_url": nil, "role": nil, "metadata": nil, "status": nil]
        for body in [nothing, [:]] {
            var after = try update(tenant, "a@example.org", body).json.object
            after["updated_at"] = before["updated_at"]
            #expect(JSON.object(after) == before)
        }
        #expect(try tenant.delete("\(Self.users)/a@example.org").status == 200)
        #expect(try tenant.get("\(Self.users)/a@example.org").summary == "404 not_found")
        #expect(try tenant.delete("\(Self.users)/a@example.org").summary == "404 not_found")
    }

    @Test("Users are listed by role and status, page by page")
    func list() throws {
        let tenant = try Service.tenant()
        for index in 0..<5 {
            _ = try create(tenant, "m\(index)@example.org", ["role": index < 3 ? "member" : "viewer"])
        }
        let all = try tenant.get("\(Self.users)?limit=2&skip=1").json
        #expect(all["total"] == 6 && all["skip"] == 1 && all["limit"] == 2)
        #expect(all["results"].array.map { $0["email"] } == ["m3@example.org", "m2@example.org"])
        #expect(try tenant.get("\(Self.users)?role=member").json["total"] == 3)
        #expect(try tenant.get("\(Self.users)?role=member&status=suspended").json["total"] == 0)
        for query in ["role=boss", "limit=0", "limit=1001", "skip=-1", "skip=x", "unheard=1", "role=member&role=admin"]
        {
            #expect(try tenant.get("\(Self.users)?\(query)").summary == "422 validation_error", "\(query)")
        }
    }

    @Test("An e-mail address is one user's within its organization, and any user's in others")
    func uniqueness() throws {
        let (one, other) = (try Service.tenant(), try Service.tenant())
        #expect(try create(one, "same@example.org").status == 200)
        #expect(try create(one, "same@example.org").summary == "409 already_exists")
        #expect(try create(other, "same@example.org").status == 200)
        let twenty = Concurrent.run(20) { _ in try create(one, "race@example.org").status }
        #expect(try twenty.map { try $0.get() }.sorted() == [200] + Array(repeating: 409, count: 19))
    }

    // Domains are the same in either case: what differed in nothing else was two people with one mailbox.
    @Test("The domain of an address is the same in either case, and what stands before it is not")
    func folding() throws {
        let tenant = try Service.tenant()
        #expect(try create(tenant, "Ada@Example.ORG").json["email"] == "Ada@example.org")
        #expect(try create(tenant, "Ada@EXAMPLE.org").summary == "409 already_exists")
        #expect(try create(tenant, "ada@example.org").status == 200)
        #expect(try tenant.get("\(Self.users)/Ada@EXAMPLE.ORG").json["email"] == "Ada@example.org")
        let keys = "\(Self.users)/Ada@EXAMPLE.ORG/api-keys"
        #expect(try tenant.send(HTTPRequest("POST", keys, json: ["name": "n"])).status == 200)
        let bootstrap = "/v1/private/organizations/\(tenant.id)/users/Ada@EXAMPLE.ORG/bootstrap-key"
        #expect(try tenant.service.sendPrivately(HTTPRequest("POST", bootstrap)).status == 200)
        #expect(try tenant.delete("\(Self.users)/Ada@eXample.org").status == 200)
        #expect(try tenant.get("\(Self.users)/Ada@example.org").summary == "404 not_found")
    }

    // Who else there is, and what is kept about them, came with the organization to every key that may read.
    @Test("With the organization, an administrator sees everybody, and others themselves")
    func usersOfTheOrganization() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, "a@example.org", ["role": "viewer", "metadata": ["salary": 1]])
        let key = try tenant.service.makeKey(organization: tenant.id, email: "a@example.org", permissions: ["read"])
        let organization = HTTPRequest("GET", "/v1/organizations")
        func seen(_ key: String?) throws -> Set<String> {
            Set(
                try tenant.service.send(organization, key: key).json["users"].array.compactMap { $0["email"].string })
        }
        #expect(try seen(tenant.key) == ["a@example.org", tenant.email])
        #expect(try seen(key["key"].string) == ["a@example.org"])
        // It goes by the key, not by whose it is.
        for permission in ["read", "write", "delete"] {
            #expect(try seen(tenant.makeKey(permission)) == [tenant.email], "\(permission)")
        }
    }

    @Test("Suspending or deleting a user ends the user's keys at once, and for good")
    func suspension() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, "a@example.org")
        let key = try tenant.service.makeKey(organization: tenant.id, email: "a@example.org", permissions: ["read"])
        let secret = try #require(key["key"].string)
        let get = HTTPRequest("GET", "/v1/organizations")
        #expect(try tenant.service.send(get, key: secret).status == 200)
        #expect(try update(tenant, "a@example.org", ["status": "suspended"]).status == 200)
        #expect(try tenant.service.send(get, key: secret).summary == "401 unauthorized")
        let refused = try tenant.send(
            HTTPRequest("POST", "\(Self.users)/a@example.org/api-keys", json: ["name": "new"]))
        #expect(refused.summary == "409 conflict")
        #expect(try update(tenant, "a@example.org", ["status": "active"]).status == 200)
        #expect(try tenant.service.send(get, key: secret).summary == "401 unauthorized")

        let again = try tenant.service.makeKey(organization: tenant.id, email: "a@example.org", permissions: ["read"])
        let second = try #require(again["key"].string)
        #expect(try tenant.service.send(get, key: second).status == 200)
        #expect(try tenant.delete("\(Self.users)/a@example.org").status == 200)
        #expect(try tenant.service.send(get, key: second).summary == "401 unauthorized")
    }

    @Test("The last administrator cannot be taken away, by whatever way")
    func lastAdministrator() throws {
        let tenant = try Service.tenant()
        for changes: JSON in [["status": "suspended"], ["status": "pending"], ["role": "member"]] {
            #expect(try update(tenant, tenant.email, changes).summary == "409 conflict", "\(changes)")
        }
        #expect(try tenant.delete("\(Self.users)/\(tenant.email)").summary == "409 conflict")
        // An admin without a key is no way back in.
        #expect(try create(tenant, "second@example.org", ["role": "admin"]).status == 200)
        #expect(try tenant.delete("\(Self.users)/\(tenant.email)").summary == "409 conflict")
        _ = try tenant.service.makeKey(organization: tenant.id, email: "second@example.org", permissions: ["admin"])
        #expect(try tenant.delete("\(Self.users)/\(tenant.email)").status == 200)
        #expect(try tenant.get("/v1/organizations").summary == "401 unauthorized")
    }

    @Test("Two administrators who remove each other at the same time do not both succeed")
    func mutualRemoval() throws {
        for _ in 0..<5 {
            let tenant = try Service.tenant()
            _ = try create(tenant, "second@example.org", ["role": "admin"])
            let key = try tenant.service.makeKey(
                organization: tenant.id, email: "second@example.org", permissions: ["admin"])
            let keys = [tenant.key, try #require(key["key"].string)]
            let victims = ["second@example.org", tenant.email]
            let statuses = try Concurrent.run(2) { index in
                let request = HTTPRequest("DELETE", "\(Self.users)/\(victims[index])")
                return try tenant.service.send(request, key: keys[index]).status
            }.map { try $0.get() }
            #expect(statuses.filter { $0 == 200 }.count == 1, "\(statuses)")
        }
    }

    @Test("A key may do no more than its user's role allows, whatever its permissions say")
    func roles() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, "a@example.org", ["role": "admin"])
        let key = try tenant.service.makeKey(organization: tenant.id, email: "a@example.org", permissions: ["admin"])
        let secret = try #require(key["key"].string)
        let rename = HTTPRequest("PATCH", "/v1/organizations", json: ["organization_name": "Renamed"])
        let upload = HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
        let read = HTTPRequest("GET", "/v1/organizations")
        func outcomes() throws -> [String] {
            try [rename, upload, read].map { try tenant.service.send($0, key: secret).summary }
        }
        #expect(try outcomes() == ["200", "201", "200"])
        #expect(try update(tenant, "a@example.org", ["role": "member"]).status == 200)
        #expect(try outcomes() == ["403 forbidden", "201", "200"])
        #expect(try update(tenant, "a@example.org", ["role": "viewer"]).status == 200)
        #expect(try outcomes() == ["403 forbidden", "403 forbidden", "200"])
        let excess = try tenant.send(
            HTTPRequest("POST", "\(Self.users)/a@example.org/api-keys", json: ["name": "w", "permissions": ["write"]]))
        #expect(excess.summary == "409 conflict")
        let fitting = try tenant.send(
            HTTPRequest("POST", "\(Self.users)/a@example.org/api-keys", json: ["name": "r"]))
        #expect(try fitting.json["permissions"] == ["read"])
    }

    @Test("Whoever may only read reads the own record, and learns nothing of others")
    func ownRecord() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, "a@example.org", ["role": "viewer"])
        let key = try tenant.service.makeKey(organization: tenant.id, email: "a@example.org", permissions: ["read"])
        let secret = try #require(key["key"].string)
        func get(_ email: String) throws -> HTTPResponse {
            try tenant.service.send(HTTPRequest("GET", "\(Self.users)/\(email)"), key: secret)
        }
        #expect(try get("a@example.org").json["email"] == "a@example.org")
        let (other, unknown) = (try get(tenant.email), try get("nobody@example.org"))
        #expect(other.summary == "403 forbidden")
        #expect(other.text == unknown.text)
        #expect(try tenant.service.send(HTTPRequest("GET", Self.users), key: secret).summary == "403 forbidden")
    }

    @Test(
        "What is wrong with a user is named, and nothing is kept of it",
        arguments: [
            ("email", "a@example.org\n"), ("email", "a@example.org\r\nBcc: b@example.org"), ("email", "nobody"),
            ("email", 7), ("email", nil), ("user_name", "x"), ("user_name", ""), ("user_name", nil),
            ("user_name", .string(String(repeating: "n", count: 101))), ("user_name", "new\nline"), ("user_name", "  "),
            ("user_name", "a\u{202e}b"), ("user_name", "a\u{2028}b"),
            ("role", "owner"), ("role", 1), ("status", "gone"), ("avatar_url", "javascript:alert(1)"),
            ("metadata", []), ("metadata", .object(["k": .string(String(repeating: "x", count: 66_000))])),
            ("organization_id", "org_00000000000"), ("password", "x"),
        ] as [(String, JSON)])
    func refusals(field: String, value: JSON) throws {
        let tenant = try Service.tenant()
        let answer = try create(tenant, "good@example.org", [field: value])
        #expect(answer.summary == "422 validation_error", "\(answer.text.prefix(300))")
        #expect(try answer.json["error"]["details"]["validation_errors"][0]["location"][1] == .string(field))
        #expect(try tenant.get(Self.users).json["total"] == 1)
    }
}
