import Foundation
import TestSupport
import Testing

@Suite("API keys", .service())
struct KeyTests {
    private func keys(_ tenant: Tenant) -> String { "/v1/organizations/users/\(tenant.email)/api-keys" }

    private func create(_ tenant: Tenant, _ body: JSON) throws -> HTTPResponse {
        try tenant.send(HTTPRequest("POST", keys(tenant), json: body))
    }

    /// Whether a secret is good.
    private func isGood(_ tenant: Tenant, _ secret: String?) throws -> Bool {
        try tenant.service.send(HTTPRequest("GET", "/v1/organizations"), key: secret).status == 200
    }

    private func path(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? name
    }

    @Test("A key shows its secret once, and nothing but its hash is kept")
    func secretOnce() throws {
        let tenant = try Service.tenant()
        let created = try create(tenant, ["name": "ci", "description": "for the builds"]).json
        let secret = try #require(created["key"].string)
        #expect(secret.hasPrefix("sk_") && secret.count == 46)
        #expect(created["key_prefix"].string == String(secret.prefix(10)))
        // The SDK's model wants a hash. A real one would let whoever reads it check guesses, so it is the identifier.
        #expect(created["key_hash"] == created["key_id"])
        #expect(try !"\(created)".contains(Digest.sha256(Array(secret.utf8))))
        #expect(created["permissions"] == ["read", "write", "delete"])
        #expect(created["internal_id"] == .string(tenant.id))
        #expect(created["expires_at"] == .null && created["status"] == "active")
        #expect(created["created_by"].string?.hasPrefix("usr_") == true)
        #expect(try isGood(tenant, secret))
        let listed = try tenant.get(keys(tenant))
        #expect(try listed.json["total"] == 2)
        #expect(!listed.text.contains(secret))
        for file in tenant.service.directory.files(below: "data") {
            let bytes = try [UInt8](contentsOf: tenant.service.directory.url(file))
            #expect(!bytes.contains(Array(secret.utf8)), "\(file) holds the secret")
        }
    }

    @Test(
        "A key may have any name, which paths carry percent-encoded",
        arguments: ["with space", "a/b", "%2F", "100%", "🔑 Schlüssel", "..x", "?x=1#y", "a+b"])
    func names(name: String) throws {
        let tenant = try Service.tenant()
        let secret = try create(tenant, ["name": .string(name)]).json["key"].string
        #expect(try isGood(tenant, secret))
        let target = "\(keys(tenant))/\(path(name))"
        let rotated = try tenant.send(HTTPRequest("POST", target + "/rotate"))
        #expect(rotated.status == 200, "\(rotated.text)")
        #expect(try !isGood(tenant, secret))
        let second = try rotated.json["key"].string
        #expect(try isGood(tenant, second))
        #expect(try tenant.delete(target).status == 200)
        #expect(try !isGood(tenant, second))
        #expect(try tenant.delete(target).summary == "404 not_found")
    }

    @Test("Among a user's keys that are not revoked a name is unique, and free again afterwards")
    func uniqueNames() throws {
        let tenant = try Service.tenant()
        #expect(try create(tenant, ["name": "one"]).status == 200)
        #expect(try create(tenant, ["name": "one"]).summary == "409 already_exists")
        #expect(try create(tenant, ["name": "two"]).status == 200)
        let rename = HTTPRequest("PATCH", keys(tenant) + "/two", json: ["name": "one"])
        #expect(try tenant.send(rename).summary == "409 already_exists")
        #expect(try tenant.delete(keys(tenant) + "/one").status == 200)
        #expect(try tenant.send(rename).status == 200)
        #expect(try tenant.get(keys(tenant) + "?include_revoked=true").json["total"] == 3)
        #expect(try tenant.get(keys(tenant)).json["total"] == 2)
        let twenty = Concurrent.run(20) { _ in try create(tenant, ["name": "race"]).status }
        #expect(try twenty.map { try $0.get() }.sorted() == [200] + Array(repeating: 409, count: 19))
    }

    @Test("A key can be named by its identifier, too")
    func byIdentifier() throws {
        let tenant = try Service.tenant()
        let created = try create(tenant, ["name": "one"]).json
        let id = try #require(created["key_id"].string)
        #expect(try tenant.delete("\(keys(tenant))/\(id)").status == 200)
        #expect(try !isGood(tenant, created["key"].string))
    }

    // A key could be named like another one's identifier, and was then the one that a revocation by that identifier hit.
    @Test("An identifier means the key that has it, and no other key can be called like one")
    func identifierFirst() throws {
        let tenant = try Service.tenant()
        let victim = try create(tenant, ["name": "victim"]).json
        let id = try #require(victim["key_id"].string)
        #expect(try create(tenant, ["name": .string(id)]).summary == "422 validation_error")
        let other = try create(tenant, ["name": "other"]).json
        let rename = HTTPRequest("PATCH", keys(tenant) + "/other", json: ["name": .string(id)])
        #expect(try tenant.send(rename).summary == "422 validation_error")
        #expect(try tenant.delete("\(keys(tenant))/\(id)").status == 200)
        #expect(try !isGood(tenant, victim["key"].string) && isGood(tenant, other["key"].string))
    }

    // The database compares names byte by byte; Swift's strings do not. A rename that looked like none ran into the index.
    @Test("A key may be renamed to a name that only looks like its own")
    func renaming() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, ["name": "\u{e9}"])
        _ = try create(tenant, ["name": "e\u{301}"])
        let rename = HTTPRequest("PATCH", "\(keys(tenant))/\(path("\u{e9}"))", json: ["name": "e\u{301}"])
        #expect(try tenant.send(rename).summary == "409 already_exists")
        #expect(try tenant.delete("\(keys(tenant))/\(path("e\u{301}"))").status == 200)
        let renamed = try tenant.send(rename)
        #expect(renamed.status == 200 && renamed.text.contains("e\u{301}"))
    }

    @Test("A key is good until it expires, and not a moment longer")
    func expiry() throws {
        let tenant = try Service.tenant()
        let soon = Moment.after(seconds: 2)
        let created = try create(tenant, ["name": "short", "expires_at": .string(soon)]).json
        let secret = try #require(created["key"].string)
        #expect(try isGood(tenant, secret))
        #expect(try Concurrent.eventually(seconds: 10) { try !isGood(tenant, secret) })
        let listed = try tenant.get(keys(tenant)).json["results"].array.first { $0["name"] == "short" }
        #expect(listed?["status"] == "expired")
        // It is still there, and good again once it may last longer.
        let update = HTTPRequest("PATCH", keys(tenant) + "/short", json: ["expires_at": nil])
        #expect(try tenant.send(update).json["expires_at"] == .null)
        #expect(try isGood(tenant, secret))
    }

    @Test("Each field of a key changes alone, and what is absent stays")
    func update() throws {
        let tenant = try Service.tenant()
        _ = try create(tenant, ["name": "one", "rate_limit_override": 50, "expires_at": "2999-01-01T00:00:00+02:00"])
        let changes: [(JSON, String, JSON)] = [
            (["description": "text"], "description", "text"), (["permissions": ["read"]], "permissions", ["read"]),
            (["rate_limit_override": 7], "rate_limit_override", 7), ([:], "rate_limit_override", 7),
            (["rate_limit_override": nil], "rate_limit_override", .null),
            ([:], "expires_at", "2998-12-31T22:00:00.000Z"), (["scopes": [], "allowed_origins": []], "scopes", []),
        ]
        for (body, field, value) in changes {
            let answer = try tenant.send(HTTPRequest("PATCH", keys(tenant) + "/one", json: body))
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try answer.json[field] == value, "\(body)")
        }
        let revoked = try tenant.send(HTTPRequest("PATCH", keys(tenant) + "/one", json: ["status": "revoked"]))
        #expect(try revoked.json["status"] == "revoked")
        let again = try tenant.send(HTTPRequest("PATCH", keys(tenant) + "/one", json: ["status": "active"]))
        #expect(again.summary == "404 not_found")
    }

    @Test(
        "What is wrong with a key, or what would not be enforced, is named and nothing is created",
        arguments: [
            ("name", ""), ("name", nil), ("name", "a\nb"), ("name", ".."), ("name", " "), ("name", "a\u{202e}b"),
            ("name", "key_0123456789abcdef"), ("name", .string(String(repeating: "n", count: 101))),
            ("description", .string(String(repeating: "d", count: 501))), ("permissions", []),
            ("permissions", ["read", "read"]), ("permissions", ["all"]), ("permissions", "read"),
            ("rate_limit_override", 0), ("rate_limit_override", -1), ("rate_limit_override", 1.5),
            ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "2999-01-01T00:00:00"),
            ("expires_at", "tomorrow"), ("expires_at", 7), ("allowed_origins", ["https://example.org"]),
            ("scopes", [["resource_type": "bucket", "resource_id": "b", "operations": ["read"]]]),
            ("principal_id", "somebody"), ("key", "sk_mine"), ("unheard_of", true),
        ] as [(String, JSON)])
    func refusals(field: String, value: JSON) throws {
        let tenant = try Service.tenant()
        let body: [String: JSON] = ["name": "good"].merging([field: value]) { $1 }
        let answer = try create(tenant, .object(body))
        #expect(answer.summary == "422 validation_error", "\(answer.text)")
        #expect(try answer.json["error"]["details"]["validation_errors"][0]["location"][1] == .string(field))
        #expect(try tenant.get(keys(tenant)).json["total"] == 1)
    }

    @Test("The last key that administrates can neither be revoked nor made less")
    func lastKey() throws {
        let tenant = try Service.tenant()
        let own = try #require(tenant.get(keys(tenant)).json["results"][0]["name"].string)
        let target = "\(keys(tenant))/\(path(own))"
        #expect(try tenant.delete(target).summary == "409 conflict")
        for body: JSON in [["permissions": ["read"]], ["status": "revoked"]] {
            #expect(try tenant.send(HTTPRequest("PATCH", target, json: body)).summary == "409 conflict")
        }
        // One that expired is no way back in; one that is good is.
        let soon = Moment.after(seconds: 1.5)
        let short = try create(tenant, ["name": "s", "permissions": ["admin"], "expires_at": .string(soon)])
        #expect(short.status == 200)
        #expect(try Concurrent.eventually { try !isGood(tenant, short.json["key"].string) })
        #expect(try tenant.delete(target).summary == "409 conflict")
        #expect(try create(tenant, ["name": "other", "permissions": ["admin"]]).status == 200)
        #expect(try tenant.delete(target).status == 200)
        #expect(try !isGood(tenant, tenant.key))
    }

    @Test("A key's own limit holds beside the organization's, and changes at once")
    func ownRateLimit() throws {
        let tenant = try Service.tenant()
        let secret = try #require(create(tenant, ["name": "slow", "rate_limit_override": 2]).json["key"].string)
        let get = HTTPRequest("GET", "/v1/organizations")
        let outcomes = try (0..<3).map { _ in try tenant.service.send(get, key: secret) }
        #expect(outcomes.map(\.status) == [200, 200, 429])
        #expect(outcomes[0]["X-RateLimit-Limit"] == "2" && outcomes[1]["X-RateLimit-Remaining"] == "0")
        #expect(try tenant.get("/v1/organizations").status == 200)
        let raise = HTTPRequest("PATCH", keys(tenant) + "/slow", json: ["rate_limit_override": 5])
        #expect(try tenant.send(raise).status == 200)
        #expect(try tenant.service.send(get, key: secret).status == 200)
    }

    @Test("The time of a key's last use is kept")
    func lastUsed() throws {
        let tenant = try Service.tenant()
        let created = try create(tenant, ["name": "used"]).json
        #expect(created["last_used_at"] == .null)
        #expect(try isGood(tenant, created["key"].string))
        let isNoted = try Concurrent.eventually {
            let keys = try tenant.get(keys(tenant)).json["results"].array
            return keys.first { $0["name"] == "used" }?["last_used_at"].string != nil
        }
        #expect(isNoted)
    }
}
