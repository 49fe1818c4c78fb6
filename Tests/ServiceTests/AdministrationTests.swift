import TestSupport
import Testing

/// An expiry is a revocation with a date. Setting one on the last good administrator's key passed the checks that its
/// revocation does not, and locked the organization out once the date came; so did replacing it by a key about to expire.
@Suite("Expiry and the last administrator", .service())
struct AdministrationTests {
    private func keys(_ tenant: Tenant) -> String { "/v1/organizations/users/\(tenant.email)/api-keys" }

    private func create(_ tenant: Tenant, _ name: String, _ members: [String: JSON] = [:]) throws -> HTTPResponse {
        let body: [String: JSON] = ["name": .string(name), "permissions": ["admin"]]
        return try tenant.send(HTTPRequest("POST", keys(tenant), json: .object(body.merging(members) { $1 })))
    }

    private func expire(_ tenant: Tenant, _ key: String, at moment: String?) throws -> HTTPResponse {
        let body: JSON = ["expires_at": moment.map(JSON.string) ?? .null]
        return try tenant.send(HTTPRequest("PATCH", "\(keys(tenant))/\(key)", json: body))
    }

    private func ownKey(_ tenant: Tenant) throws -> String {
        try #require(tenant.get(keys(tenant)).json["results"].array.last?["key_id"].string)
    }

    private func isLastAdministrator(_ answer: HTTPResponse) throws -> Bool {
        try answer.status == 409 && answer.json["error"]["details"]["reason"] == "last_administrator"
    }

    @Test("The last administrator's key cannot be given an expiry, nor be replaced by one that has one")
    func lockout() throws {
        let tenant = try Service.tenant()
        let own = try ownKey(tenant)
        #expect(try isLastAdministrator(expire(tenant, own, at: "2999-01-01T00:00:00Z")))
        #expect(try create(tenant, "short", ["expires_at": "2999-01-01T00:00:00Z"]).status == 200)
        #expect(try isLastAdministrator(tenant.delete("\(keys(tenant))/\(own)")))
        let less = HTTPRequest("PATCH", "\(keys(tenant))/\(own)", json: ["permissions": ["read"]])
        #expect(try isLastAdministrator(tenant.send(less)))
        let user: JSON = ["email": "second@example.org", "user_name": "Second", "role": "admin"]
        #expect(try tenant.send(HTTPRequest("POST", "/v1/organizations/users", json: user)).status == 200)
        let others = "/v1/organizations/users/second@example.org/api-keys"
        let short: JSON = ["name": "s", "permissions": ["admin"], "expires_at": "2999-01-01T00:00:00Z"]
        #expect(try tenant.send(HTTPRequest("POST", others, json: short)).status == 200)
        #expect(try isLastAdministrator(tenant.delete("/v1/organizations/users/\(tenant.email)")))
        // One that is good for as long makes way for all of it.
        #expect(try create(tenant, "long").status == 200)
        #expect(try expire(tenant, own, at: "2999-01-01T00:00:00Z").status == 200)
        #expect(try tenant.delete("\(keys(tenant))/\(own)").status == 200)
    }

    @Test("Where every administrator's key expires, the last to do so can be prolonged, and not shortened")
    func expiringOnly() throws {
        let tenant = try Service.tenant()
        let second = try #require(create(tenant, "second").json["key"].string)
        #expect(try expire(tenant, ownKey(tenant), at: "2500-01-01T00:00:00Z").status == 200)
        #expect(try isLastAdministrator(expire(tenant, "second", at: "2400-01-01T00:00:00Z")))
        // The operator can leave it so.
        let bootstrap = "/v1/private/organizations/\(tenant.id)/users/\(tenant.email)/bootstrap-key"
        let dated = try tenant.service.sendPrivately(
            HTTPRequest("POST", bootstrap, json: ["expires_at": "2600-01-01T00:00:00Z"]))
        #expect(dated.status == 200)
        #expect(try tenant.service.send(HTTPRequest("GET", "/v1/organizations/users"), key: second).status == 200)
        #expect(try isLastAdministrator(tenant.delete("\(keys(tenant))/second")))
        // Keys that administrate nothing come and go.
        #expect(try create(tenant, "reader", ["permissions": ["read"]]).status == 200)
        #expect(try expire(tenant, "reader", at: "2300-01-01T00:00:00Z").status == 200)
        #expect(try tenant.delete("\(keys(tenant))/reader").status == 200)
    }

    @Test("An expired key makes room for one of its name, cannot be rotated, and does not come back over the limit")
    func expiredKeys() throws {
        let tenant = try Service.tenant()
        for index in 0..<99 { #expect(try create(tenant, "n\(index)", ["permissions": ["read"]]).status == 200) }
        #expect(try create(tenant, "one too many").summary == "409 conflict")
        for index in 97..<99 { #expect(try tenant.delete("\(keys(tenant))/n\(index)").status == 200) }
        let soon = Moment.after(seconds: 2)
        let first = try create(tenant, "name", ["expires_at": .string(soon)]).json
        #expect(try create(tenant, "back", ["expires_at": .string(soon)]).status == 200)
        let get = HTTPRequest("GET", "/v1/organizations")
        #expect(
            try Concurrent.eventually(seconds: 30) {
                try tenant.service.send(get, key: first["key"].string).status == 401
            })
        let rotation = try tenant.send(HTTPRequest("POST", keys(tenant) + "/name/rotate"))
        #expect(rotation.summary == "409 conflict" && rotation.text.contains("expired"))
        #expect(try create(tenant, "name").status == 200)
        let rename = HTTPRequest("PATCH", keys(tenant) + "/n0", json: ["name": "back"])
        #expect(try tenant.send(rename).status == 200)
        // What made way was revoked, and that is told.
        let log = "/v1/organizations/audit/logs?action=api_key_revoked&resource_id=\(first["key_id"].string ?? "")"
        #expect(try tenant.get(log).json["total"] == 1)
        // Being good again is being one more.
        #expect(try create(tenant, "late", ["expires_at": .string(Moment.after(seconds: 1.5))]).status == 200)
        #expect(
            try Concurrent.eventually(seconds: 30) {
                let keys = try tenant.get(keys(tenant)).json["results"].array
                return keys.first { $0["name"] == "late" }?["status"] == "expired"
            })
        #expect(try create(tenant, "hundredth").status == 200)
        #expect(try expire(tenant, "late", at: nil).summary == "409 conflict")
        #expect(try create(tenant, "too many").summary == "409 conflict")
    }

    @Test("The operator gets in, however many keys there are, and where the one before is expired")
    func bootstrap() throws {
        let tenant = try Service.tenant()
        let target = "/v1/private/organizations/\(tenant.id)/users/\(tenant.email)/bootstrap-key"
        let soon = Moment.after(seconds: 1.5)
        let first = try tenant.service.sendPrivately(HTTPRequest("POST", target, json: ["expires_at": .string(soon)]))
        #expect(first.status == 200)
        for index in 0..<98 { #expect(try create(tenant, "n\(index)", ["permissions": ["read"]]).status == 200) }
        let get = HTTPRequest("GET", "/v1/organizations")
        let secret = try first.json["key"].string
        #expect(try Concurrent.eventually(seconds: 30) { try tenant.service.send(get, key: secret).status == 401 })
        #expect(try create(tenant, "hundredth").status == 200)
        let second = try tenant.service.sendPrivately(HTTPRequest("POST", target))
        #expect(second.status == 200, "\(second.text)")
        #expect(try tenant.service.send(get, key: second.json["key"].string).status == 200)
        // A good one of that name is not replaced behind its owner's back.
        #expect(try tenant.service.sendPrivately(HTTPRequest("POST", target)).summary == "409 already_exists")
        let named = HTTPRequest("POST", target, json: ["name": "rescue"])
        #expect(try tenant.service.sendPrivately(named).status == 200)
    }
}
