import TestSupport
import Testing

/// A client decides itself how long its body takes: minutes, if it trickles. What it may do has to be what it may when the
/// body is there, not when the head was. The tests wait for `100 Continue`, which is sent once the head was found good and
/// the body is waited for; then the right is taken away; then the body comes.
@Suite("Rights that end while a body is on its way", .service())
struct StaleCallerTests {
    private static let users = "/v1/organizations/users"

    /// An organization with a second administrator and that one's key.
    private struct Scene {
        let tenant: Tenant
        let eve = "eve@example.org"
        let keyID: String
        let secret: String

        init() throws {
            tenant = try Service.tenant()
            let user: JSON = ["email": .string(eve), "user_name": "Eve", "role": "admin"]
            #expect(try tenant.send(HTTPRequest("POST", users, json: user)).status == 200)
            let key = try tenant.service.makeKey(
                organization: tenant.id, email: eve, permissions: ["read", "write", "delete", "admin"])
            keyID = try #require(key["key_id"].string)
            secret = try #require(key["key"].string)
        }

        /// Sends the head, and returns when the service waits for the body; the result sends the body and reads the answer.
        func begin(_ request: HTTPRequest) throws -> () throws -> HTTPResponse {
            let connection = try tenant.service.connect()
            let waiting = request.authorized(by: secret).adding("Expect", "100-continue")
            try connection.send(waiting.head)
            #expect(try connection.readResponse(to: request.method).status == 100)
            return {
                for piece in waiting.pieces { try connection.send(piece) }
                return try connection.readResponse(to: request.method)
            }
        }

        /// Every kind of change that takes a body.
        var changes: [HTTPRequest] {
            let everything: JSON = ["read", "write", "delete", "admin"]
            return [
                HTTPRequest(
                    "POST", "\(users)/\(tenant.email)/api-keys", json: ["name": "door", "permissions": everything]),
                HTTPRequest(
                    "POST", users, json: ["email": "mallory@example.org", "user_name": "Mallory", "role": "admin"]),
                HTTPRequest("PATCH", "/v1/organizations", json: ["nsfw_check_enabled": false]),
                HTTPRequest("PATCH", "\(users)/\(tenant.email)", json: ["user_name": "Changed"]),
                HTTPRequest("PATCH", "\(users)/\(eve)", json: ["role": "admin"]),
                HTTPRequest("PATCH", "\(users)/\(eve)/api-keys/\(keyID)", json: ["permissions": everything]),
                HTTPRequest("POST", "/v1/organizations/secrets", json: ["secret_name": "s", "secret_value": "v"]),
                HTTPRequest("PATCH", "/v1/organizations/audit/settings", json: ["read_auditing_enabled": true]),
            ]
        }
    }

    /// By what an administrator's power ends, and what is answered to what was begun before.
    enum End: String, CaseIterable {
        case deleted, suspended, demoted, revoked, downscoped, rotated

        var answer: String {
            switch self {
            case .deleted, .suspended, .revoked, .rotated: "401 unauthorized"
            case .demoted, .downscoped: "403 forbidden"
            }
        }

        func request(_ user: String, _ key: String) -> HTTPRequest {
            switch self {
            case .deleted: HTTPRequest("DELETE", user)
            case .suspended: HTTPRequest("PATCH", user, json: ["status": "suspended"])
            case .demoted: HTTPRequest("PATCH", user, json: ["role": "viewer"])
            case .revoked: HTTPRequest("DELETE", "\(user)/api-keys/\(key)")
            case .downscoped: HTTPRequest("PATCH", "\(user)/api-keys/\(key)", json: ["permissions": ["read"]])
            case .rotated: HTTPRequest("POST", "\(user)/api-keys/\(key)/rotate")
            }
        }
    }

    @Test(
        "Whoever was good when the request began and is not when its body is there changes nothing",
        arguments: End.allCases)
    func endings(end: End) throws {
        let scene = try Scene()
        let tenant = scene.tenant
        let begun = try scene.changes.map { try scene.begin($0) }
        #expect(try tenant.send(end.request("\(Self.users)/\(scene.eve)", scene.keyID)).status == 200)
        let organization = try tenant.get("/v1/organizations").json
        let events = try tenant.get("/v1/organizations/audit/logs").json["total"]
        for (index, finish) in begun.enumerated() {
            #expect(try finish().summary == end.answer, "\(scene.changes[index].target)")
        }
        #expect(try tenant.get("/v1/organizations").json == organization)
        #expect(try tenant.get("/v1/organizations/secrets").json["count"] == 0)
        #expect(try tenant.get("/v1/organizations/audit/logs").json["total"] == events)
    }

    @Test("The same requests pass where nothing was taken away, as of the time at which the body was there")
    func undisturbed() throws {
        let scene = try Scene()
        let tenant = scene.tenant
        let finish = try scene.begin(scene.changes[1])
        #expect(try tenant.patch(["organization_name": "In between"]).status == 200)
        #expect(try finish().status == 200)
        let logs = try tenant.get("/v1/organizations/audit/logs?limit=2").json["results"].array
        #expect(logs.map { $0["action"] } == ["user_created", "organization_updated"])
        #expect(logs[0]["actor_email"] == .string(scene.eve))
    }

    // Authentication and change are two transactions: a change that was let through the moment before waits in the queue
    // of writes behind the one that ends the right. Only a check inside its own transaction sees that.
    @Test("After the answer that an administrator is gone, nothing changes by that one's hand")
    func races() throws {
        let scene = try Scene()
        let tenant = scene.tenant
        let names = try Concurrent.run(17) { index -> JSON? in
            guard index == 8 else {
                for step in 0..<6 {
                    let request = HTTPRequest(
                        "PATCH", "/v1/organizations", json: ["organization_name": .string("Name \(index) \(step)")])
                    #expect([200, 401].contains(try tenant.service.send(request, key: scene.secret).status))
                }
                return nil
            }
            #expect(try tenant.delete("\(Self.users)/\(scene.eve)").status == 200)
            return try tenant.get("/v1/organizations").json["organization_name"]
        }.compactMap { try $0.get() }
        #expect(try names == [tenant.get("/v1/organizations").json["organization_name"]])
    }

    @Test("Nothing changes in an organization that was deleted while the body was on its way, not even by the operator")
    func deletedOrganization() throws {
        let scene = try Scene()
        let service = scene.tenant.service
        let begun = try scene.changes.map { try scene.begin($0) }
        let one = "/v1/private/organizations/\(scene.tenant.id)"
        let operators = try [
            HTTPRequest("PATCH", one, json: ["credits": 5]),
            HTTPRequest("POST", one + "/add-user", json: ["email": "late@example.org"]),
            HTTPRequest("POST", one + "/users/\(scene.eve)/bootstrap-key", json: ["name": "late"]),
        ].map { request in
            let connection = try service.connectPrivately()
            let waiting = request.authorized(by: service.privateToken).adding("Expect", "100-continue")
            try connection.send(waiting.head)
            #expect(try connection.readResponse(to: request.method).status == 100)
            return {
                for piece in waiting.pieces { try connection.send(piece) }
                return try connection.readResponse(to: request.method)
            }
        }
        #expect(try service.sendPrivately(HTTPRequest("DELETE", one)).status == 200)
        for finish in begun { #expect(try finish().summary == "401 unauthorized") }
        for finish in operators { #expect(try finish().summary == "404 not_found") }
    }

    @Test("A body that a stranger announces is not waited for, nor one of a key that lacks the permission")
    func strangers() throws {
        let scene = try Scene()
        for (key, answer) in [("sk_unknown", "401 unauthorized"), (try scene.tenant.makeKey("read"), "403 forbidden")] {
            let connection = try scene.tenant.service.connect()
            let request = scene.changes[2].authorized(by: key).adding("Expect", "100-continue")
            try connection.send(request.head)
            #expect(try connection.readResponse(to: request.method).summary == answer)
        }
    }

    @Test("An upload that began with a good key is accepted, and the audit log knows whose it was")
    func uploads() throws {
        let scene = try Scene()
        let upload = HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
        let finish = try scene.begin(upload)
        #expect(try scene.tenant.delete("\(Self.users)/\(scene.eve)").status == 200)
        #expect(try finish().status == 201)
        let event = try scene.tenant.get("/v1/organizations/audit/logs?action=upload_accepted").json["results"][0]
        #expect(event["actor_email"] == .string(scene.eve) && event["actor_key_name"].string?.hasPrefix("key-") == true)
        #expect(event["ip_address"] == "127.0.0.1")
    }

    @Test("An upload to an organization that was deleted meanwhile is refused, and nothing is kept of it")
    func uploadsOfDeletedOrganizations() throws {
        let scene = try Scene()
        let service = scene.tenant.service
        let upload = HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
        let finish = try scene.begin(upload)
        let one = "/v1/private/organizations/\(scene.tenant.id)"
        #expect(try service.sendPrivately(HTTPRequest("DELETE", one)).status == 200)
        #expect(try finish().summary == "401 unauthorized")
        let isClean = Concurrent.eventually {
            service.directory.files(below: "data/blobs").allSatisfy { !$0.contains(scene.tenant.id) }
        }
        #expect(isClean)
    }
}
