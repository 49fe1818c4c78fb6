import TestSupport
import Testing

/// Every route × every kind of caller. The table of routes is the service's own description, so that a new route is
/// tested from its first day on.
@Suite("Who may do what", .service(["PORTCULLIS_SELF_SERVICE_CREDITS": "true"]))
struct AccessTests {
    private static let ranks = ["read", "write", "delete", "admin"]

    /// Keys that are good for nothing, each by what is wrong with it.
    private func badKeys(_ tenant: Tenant) throws -> [(String, String?)] {
        let keys = "/v1/organizations/users/\(tenant.email)/api-keys"
        func make(_ name: String, _ members: [String: JSON] = [:]) throws -> String {
            let body: [String: JSON] = ["name": .string(name), "permissions": ["admin"]]
            let answer = try tenant.send(HTTPRequest("POST", keys, json: .object(body.merging(members) { $1 })))
            return try #require(answer.json["key"].string, "\(answer.text)")
        }
        let (revoked, rotated) = (try make("revoked"), try make("rotated"))
        let soon = Moment.after(seconds: 0.5)
        let expired = try make("expired", ["expires_at": .string(soon)])
        #expect(try tenant.delete("\(keys)/revoked").status == 200)
        #expect(try tenant.send(HTTPRequest("POST", "\(keys)/rotated/rotate")).status == 200)
        pause(milliseconds: 600)
        return [
            ("no key", nil), ("a malformed key", "sk_a b"),
            ("an unknown key", "sk_" + String(repeating: "A", count: 43)),
            ("a revoked key", revoked), ("a rotated key's old secret", rotated), ("an expired key", expired),
            ("the private token", tenant.service.privateToken), ("a key's identifier", "key_0000000000000000"),
        ]
    }

    @Test("Every route wants a good key, and the permission that it says")
    func routesAndCallers() throws {
        let tenant = try Service.tenant()
        let operations = try Operation.all(of: tenant.service)
        #expect(operations.count >= 36)
        let bad = try badKeys(tenant)
        let good = try Self.ranks.map { try tenant.makeKey($0) }
        for operation in operations {
            // What administrates must not end the tenant that the next rows need: nothing here exists.
            let request = operation.request(["user_email": "nobody@example.org"])
            guard let needed = operation.permission else {
                #expect(try tenant.service.send(request).status != 401, "\(operation)")
                continue
            }
            for (name, key) in bad {
                let answer = try tenant.service.send(request, key: key)
                #expect(answer.summary == "401 unauthorized", "\(operation) with \(name)")
                #expect(answer["WWW-Authenticate"] == "Bearer", "\(operation) with \(name)")
            }
            let rank = try #require(Self.ranks.firstIndex(of: needed), "\(operation) needs \(needed)")
            for (index, key) in good.enumerated() {
                let answer = try tenant.service.send(request, key: key)
                // Somebody else's record is only an admin's to read; the route itself is everybody's.
                let isOthersRecord = operation.description == "GET /v1/organizations/users/{user_email}" && index < 3
                if index < rank || isOthersRecord {
                    #expect(answer.summary == "403 forbidden", "\(operation) with \(Self.ranks[index])")
                } else {
                    #expect(
                        ![401, 403].contains(answer.status), "\(operation) with \(Self.ranks[index]): \(answer.text)")
                }
                #expect(answer["X-RateLimit-Limit"] == "9000", "\(operation) with \(Self.ranks[index])")
                #expect(answer["X-Request-Id"]?.isEmpty == false)
            }
        }
        #expect(try tenant.get("/v1/organizations").status == 200)
    }

    @Test("Another tenant's things are not found, exactly as those that never were")
    func isolation() throws {
        let (one, other) = (try Service.tenant(), try Service.tenant())
        // The other tenant's administrator has another address, so that this one's is foreign to it.
        let email = "only-here@example.org"
        let user: JSON = ["email": .string(email), "user_name": "Only here", "role": "admin"]
        #expect(try one.send(HTTPRequest("POST", "/v1/organizations/users", json: user)).status == 200)
        let key: JSON = ["name": "theirs", "permissions": ["admin"]]
        let created = try one.send(HTTPRequest("POST", "/v1/organizations/users/\(email)/api-keys", json: key)).json
        let secret: JSON = ["secret_name": "theirs", "secret_value": "v"]
        #expect(try one.send(HTTPRequest("POST", "/v1/organizations/secrets", json: secret)).status == 200)
        let hook = try WebhookClient(one, "https://hooks.example.org/", name: "theirs")
        let upload = try one.accepted(Sample.text)
        let delivery = try #require(hook.deliveries().first?["delivery_id"].string)
        let task = try BucketClient(one, bucket: "default").post(
            "/confirm/batch", ["confirmations": [["upload_id": .string(upload)]]])
        let theirs = [
            "user_email": email, "key_name": "theirs", "secret_name": "theirs",
            "identifier": hook.id, "delivery_id": delivery, "upload_id": upload, "bucket_identifier": "default",
            "task_id": try #require(task.json["task_id"].string), "key_id": try #require(created["key_id"].string),
            "audit_id": try #require(one.get("/v1/organizations/audit/logs").json["results"][0]["audit_id"].string),
        ]
        let unknown = [
            "user_email": "only-nowhere@example.org", "key_name": "nobodys", "secret_name": "nobodys",
            "identifier": "wh_0000000000000000", "delivery_id": "dlv_0000000000000000",
            "upload_id": "upl_0000000000000000", "key_id": "key_0000000000000000",
            "audit_id": "aud_0000000000000000", "bucket_identifier": "default", "task_id": "task_0000000000000000",
        ]
        var count = 0
        for operation in try Operation.all(of: one.service) {
            // A bucket is a name that anybody may use, and a signed URL is nobody's in particular.
            let names = operation.parameters.filter { $0 != "bucket_identifier" }
            guard !names.isEmpty, operation.permission != nil else { continue }
            for parameter in operation.parameters {
                #expect(theirs[parameter] != nil, "\(operation): no value for \(parameter)")
            }
            var requests = [operation.request(theirs), operation.request(unknown)]
            if operation.json["requestBody"].isPresent {
                let bodies: [String: JSON] = ["PUT": ["secret_value": "v"], "POST": ["name": "n"], "PATCH": [:]]
                let isConfirmation = operation.pattern.hasSuffix("/confirm")
                let body = isConfirmation ? [:] : bodies[operation.method] ?? [:]
                requests = requests.map { HTTPRequest($0.method, $0.target, json: body) }
            }
            let answers = try requests.map { try other.send($0) }
            #expect(answers[0].summary == "404 not_found", "\(operation): \(answers[0].text)")
            var wording = answers[0].text
            for (name, value) in theirs { wording = wording.replacing(value, with: unknown[name] ?? "") }
            #expect(wording == answers[1].text, "\(operation)")
            count += 1
        }
        #expect(count >= 14)
        // Nothing of it happened to its owner.
        #expect(try one.get("/v1/organizations/users/\(email)").status == 200)
        #expect(try one.service.send(HTTPRequest("GET", "/v1/organizations"), key: created["key"].string).status == 200)
        #expect(try one.get("/v1/organizations/secrets").json["secrets"] == ["theirs"])
    }

    @Test("Every route of the private listener wants its token")
    func privateRoutes() throws {
        let tenant = try Service.tenant()
        let service = tenant.service
        let description = try service.connectPrivately().exchange(HTTPRequest("GET", "/openapi.json"))
        var count = 0
        for operation in try Operation.all(of: description) where operation.pattern.hasPrefix("/v1/private/") {
            let request = operation.request()
            for token in [nil, "wrong", tenant.key, service.privateToken + "x"] {
                let answer = try service.connectPrivately().exchange(request.authorized(by: token))
                #expect(answer.summary == "401 unauthorized", "\(operation)")
                let elsewhere = try service.send(request, key: token ?? service.privateToken)
                #expect(elsewhere.summary == "404 not_found", "\(operation) on the public listener")
            }
            #expect(try service.sendPrivately(request).status != 401, "\(operation)")
            count += 1
        }
        #expect(count >= 9)
    }

    @Test("Every category of rate limits is some route's, and has its own headers")
    func categories() throws {
        let limits: JSON = ["metadata": 21, "data": 22, "search": 23, "upload": 24, "compute": 25]
        let tenant = try Service.tenant(rateLimits: limits)
        var seen: Set<String> = []
        for operation in try Operation.all(of: tenant.service) where operation.permission != nil {
            let category = try #require(operation.category)
            guard seen.insert(category).inserted else { continue }
            let answer = try tenant.send(operation.request())
            #expect(answer["X-RateLimit-Limit"].flatMap { Int($0) } == limits[category].int, "\(operation)")
        }
        #expect(seen == ["metadata", "data", "search", "upload", "compute"])
    }
}
