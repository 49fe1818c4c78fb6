import TestSupport
import Testing

@Suite("The organization's own endpoint", .service())
struct OrganizationTests {
    @Test("GET shows the organization as the public API's model has it")
    func get() throws {
        let tenant = try Service.tenant(rateLimits: [:])
        let answer = try tenant.get("/v1/organizations")
        #expect(answer.status == 200)
        #expect(answer["Content-Type"]?.hasPrefix("application/json") == true)
        let organization = try answer.json
        #expect(organization["organization_id"] == .string(tenant.id))
        #expect(tenant.id.hasPrefix("org_") && tenant.id.count == 15)
        #expect(organization["organization_name"] == "Test")
        #expect(organization["account_type"] == "pro")
        #expect(organization["credit_count"] == 100_000)
        #expect(
            organization["rate_limits"] == ["metadata": 100, "data": 60, "search": 60, "upload": 30, "compute": 30])
        #expect(organization["nsfw_check_enabled"] == true)
        #expect(organization["nsfw_fail_closed"] == false)
        #expect(organization["auto_billing_enabled"] == false)
        #expect(organization["billing_cycle_start"] == 1)
        #expect(organization["created_at"].string?.hasSuffix("Z") == true)
        #expect(organization["updated_at"].string?.hasSuffix("Z") == true)
        // Strict clients refuse 100000.0 where an integer belongs.
        let compact = answer.text.filter { !$0.isWhitespace }
        #expect(compact.contains("\"credit_count\":100000,") || compact.contains("\"credit_count\":100000}"))
    }

    @Test("PATCH changes each field that it names")
    func everyField() throws {
        let tenant = try Service.tenant()
        let secret: JSON = ["secret_name": "secret-1", "secret_value": "value"]
        #expect(try tenant.send(HTTPRequest("POST", "/v1/organizations/secrets", json: secret)).status == 200)
        let changes: [(String, JSON)] = [
            ("organization_name", "Ünïcode & Söhne"), ("logo_url", "https://example.org/logo.png"),
            ("billing_email", "billing@example.org"), ("notifications_email", "alerts@example.org"),
            ("metadata", ["plan": ["nested": [1, 2.5, nil, true]]]),
            ("default_llm_credentials", ["openai": "secret-1"]),
            ("nsfw_check_enabled", false), ("nsfw_fail_closed", true),
        ]
        for (field, value) in changes {
            let answer = try tenant.patch(.object([field: value]))
            #expect(answer.status == 200, "\(field): \(answer.text)")
            #expect(try answer.json[field] == value)
        }
        let organization = try tenant.get("/v1/organizations").json
        for (field, value) in changes { #expect(organization[field] == value) }
    }

    @Test("A field that is absent or null stays as it is")
    func absentAndNull() throws {
        let tenant = try Service.tenant()
        let set: JSON = [
            "organization_name": "Before", "logo_url": "https://example.org/a.png", "metadata": ["a": 1],
            "billing_email": "b@example.org", "nsfw_fail_closed": true, "rate_limit_overrides": ["upload": 55],
        ]
        #expect(try tenant.patch(set).status == 200)
        let before = try tenant.get("/v1/organizations").json
        let nothing: JSON = [
            "organization_name": nil, "logo_url": nil, "metadata": nil, "billing_email": nil,
            "notifications_email": nil,
            "rate_limit_overrides": nil, "default_llm_credentials": nil, "nsfw_check_enabled": nil,
            "nsfw_fail_closed": nil,
        ]
        for body in [nothing, [:]] {
            #expect(try tenant.patch(body).status == 200)
            var after = try tenant.get("/v1/organizations").json.object
            after["updated_at"] = before["updated_at"]
            #expect(JSON.object(after) == before)
        }
    }

    @Test("Metadata is replaced whole")
    func metadata() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.patch(["metadata": ["a": 1, "b": ["c": 2]]]).status == 200)
        #expect(try tenant.patch(["metadata": ["b": 3]]).status == 200)
        #expect(try tenant.get("/v1/organizations").json["metadata"] == ["b": 3])
        #expect(try tenant.patch(["metadata": [:]]).status == 200)
        #expect(try tenant.get("/v1/organizations").json["metadata"] == [:])
    }

    /// Each body, and the place that the answer must name.
    static let refusals: [(body: String, place: String)] = [
        (#"{"infrastructure": {}}"#, "infrastructure"), (#"{"infrastructure": null}"#, "infrastructure"),
        (#"{"account_type": "enterprise"}"#, "account_type"), (#"{"credits": 5}"#, "credits"),
        (#"{"credit_count": 5}"#, "credit_count"), (#"{"internal_id": "x"}"#, "internal_id"),
        (#"{"rate_limits": {"upload": 5}}"#, "rate_limits"), (#"{"unheard_of": 1}"#, "unheard_of"),
        (#"{"nsfw_check_enabled": "false"}"#, "nsfw_check_enabled"), (#"{"nsfw_fail_closed": 1}"#, "nsfw_fail_closed"),
        (#"{"organization_name": ""}"#, "organization_name"), (#"{"organization_name": 7}"#, "organization_name"),
        (#"{"metadata": []}"#, "metadata"), (#"{"metadata": "text"}"#, "metadata"),
        (#"{"rate_limit_overrides": {"upload": 10001}}"#, "upload"),
        (#"{"rate_limit_overrides": {"upload": 0}}"#, "upload"),
        (#"{"rate_limit_overrides": {"upload": -1}}"#, "upload"),
        (#"{"rate_limit_overrides": {"upload": 1.5}}"#, "upload"),
        (#"{"rate_limit_overrides": {"uploads": 5}}"#, "uploads"),
        (#"{"rate_limit_overrides": [5]}"#, "rate_limit_overrides"),
        (#"{"default_llm_credentials": {"openai": 5}}"#, "openai"),
    ]

    @Test("A PATCH with anything wrong in it is 422 that names it, and changes nothing at all", arguments: refusals)
    func refused(body: String, place: String) throws {
        let tenant = try Service.tenant()
        let before = try tenant.organization()
        // The good field beside the bad one must not be taken either.
        let mixed = "{\"billing_email\": \"changed@example.org\", " + body.dropFirst()
        for text in [body, mixed] {
            let answer = try tenant.send(
                HTTPRequest(
                    "PATCH", "/v1/organizations", headers: [("Content-Type", "application/json")],
                    body: .bytes(Array(text.utf8))))
            #expect(answer.summary == "422 validation_error", "\(text)")
            let error = try answer.json["error"]
            #expect(error["type"] == "ValidationError")
            #expect(error["message"].string?.contains(place) == true)
            let entry = error["details"]["validation_errors"][0]
            #expect(entry.keys == ["location", "message", "type"])
            #expect(entry["location"].array.contains(.string(place)), "\(entry)")
        }
        #expect(try tenant.organization() == before)
    }

    @Test(
        "A body that is not a JSON object is refused with where it goes wrong",
        arguments: ["", "{", "[]", "null", "\"text\"", "{\"a\":1,}", "{\"metadata\":{\"a\":1,\"a\":2}}", "{} {}"])
    func notJSON(body: String) throws {
        let tenant = try Service.tenant()
        let answer = try tenant.send(
            HTTPRequest(
                "PATCH", "/v1/organizations", headers: [("Content-Type", "application/json")],
                body: .bytes(Array(body.utf8))))
        #expect(answer.status == 400 || answer.status == 422, "\(answer.text)")
        #expect(try answer.json["success"] == false)
    }

    @Test("A body that is too large or too deep is refused")
    func limits() throws {
        let tenant = try Service.tenant()
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        let long = String(repeating: "x", count: 1_100_000)
        for (text, statuses) in [
            ("{\"metadata\":{\"a\":\(deep)}}", [400, 422]), ("{\"metadata\":{\"a\":\"\(long)\"}}", [413]),
        ] {
            let answer = try tenant.send(
                HTTPRequest(
                    "PATCH", "/v1/organizations", headers: [("Content-Type", "application/json")],
                    body: .bytes(Array(text.utf8))))
            #expect(statuses.contains(answer.status), "\(answer.status) \(answer.text.prefix(200))")
        }
        #expect(try tenant.get("/v1/organizations").json["metadata"]["a"] == .missing)
    }

    @Test("Concurrent PATCHes of different fields lose none")
    func concurrentPatches() throws {
        let tenant = try Service.tenant()
        let bodies: [JSON] = [
            ["organization_name": "Together"], ["logo_url": "https://example.org/l.png"],
            ["billing_email": "b@example.org"], ["notifications_email": "n@example.org"], ["metadata": ["m": 1]],
            ["nsfw_fail_closed": true], ["nsfw_check_enabled": false], ["rate_limit_overrides": ["upload": 5000]],
        ]
        for answer in Concurrent.run(bodies.count, { try tenant.patch(bodies[$0]).status }) {
            #expect(try answer.get() == 200)
        }
        let organization = try tenant.get("/v1/organizations").json
        for case .object(let body) in bodies {
            for (field, value) in body where field != "rate_limit_overrides" { #expect(organization[field] == value) }
        }
        #expect(organization["rate_limits"]["upload"] == 5000)
    }

    @Test(
        "A name that is blank, or that turns the direction of text, names no organization",
        arguments: [" ", "\u{a0}\u{2003}", "a\u{202e}b", "a\u{2069}", "a\u{85}b", "a\u{2028}b"])
    func names(name: String) throws {
        let tenant = try Service.tenant()
        #expect(try tenant.patch(["organization_name": .string(name)]).summary == "422 validation_error")
        #expect(try tenant.get("/v1/organizations").json["organization_name"] == "Test")
    }
}
