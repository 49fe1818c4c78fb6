import TestSupport
import Testing

/// `PATCH /v1/organizations` with what nobody should send.
@Suite("PATCH of an organization", .service())
struct PatchTests {
    private func patch(_ tenant: Tenant, _ bytes: [UInt8], type: String = "application/json") throws -> HTTPResponse {
        try tenant.send(
            HTTPRequest("PATCH", "/v1/organizations", headers: [("Content-Type", type)], body: .bytes(bytes)))
    }

    /// What each body must be answered with.
    static let refusals: [(name: String, body: [UInt8], summary: String)] = [
        (
            "invalid UTF-8", Array("{\"organization_name\":\"".utf8) + [0xff, 0xfe] + Array("\"}".utf8),
            "400 malformed_json"
        ),
        (
            "an overlong encoding", Array("{\"organization_name\":\"".utf8) + [0xc0, 0xaf] + Array("\"}".utf8),
            "400 malformed_json"
        ),
        ("a lone surrogate", Array(#"{"organization_name":"\ud800"}"#.utf8), "400 malformed_json"),
        ("a NUL", Array(#"{"organization_name":"a\u0000b"}"#.utf8), "400 malformed_json"),
        ("a duplicate key", Array(#"{"organization_name":"a","organization_name":"b"}"#.utf8), "400 malformed_json"),
        ("a duplicate key deep inside", Array(#"{"metadata":{"a":{"b":1,"b":2}}}"#.utf8), "400 malformed_json"),
        (
            "a depth of 1,000",
            Array(
                ("{\"metadata\":" + String(repeating: "{\"a\":", count: 999) + "1"
                    + String(repeating: "}", count: 1_000)).utf8),
            "400 malformed_json"
        ),
        ("a number over 2^63", Array(#"{"metadata":{"a":9223372036854775808}}"#.utf8), "400 malformed_json"),
        ("a number beyond all", Array(#"{"metadata":{"a":1e999}}"#.utf8), "400 malformed_json"),
        (
            "a limit over 2^63", Array(#"{"rate_limit_overrides":{"upload":99999999999999999999}}"#.utf8),
            "400 malformed_json"
        ),
        (
            "a limit of 2^63 - 1", Array(#"{"rate_limit_overrides":{"upload":9223372036854775807}}"#.utf8),
            "422 validation_error"
        ),
        ("NaN", Array(#"{"metadata":{"a":NaN}}"#.utf8), "400 malformed_json"),
        ("a comment", Array(#"{"organization_name":"a"/* b */}"#.utf8), "400 malformed_json"),
        ("a byte order mark", [0xef, 0xbb, 0xbf] + Array(#"{"organization_name":"a"}"#.utf8), "400 malformed_json"),
        (
            "an e-mail address with a newline", Array(#"{"billing_email":"a@example.org\n"}"#.utf8),
            "422 validation_error"
        ),
        (
            "an e-mail header", Array(#"{"billing_email":"a@example.org\r\nBcc: b@example.org"}"#.utf8),
            "422 validation_error"
        ),
        (
            "a name of 201 characters", Array("{\"organization_name\":\"\(String(repeating: "ü", count: 201))\"}".utf8),
            "422 validation_error"
        ),
        ("a name with a line break", Array(#"{"organization_name":"a\nb"}"#.utf8), "422 validation_error"),
        ("a URL of a script", Array(#"{"logo_url":"javascript:alert(1)"}"#.utf8), "422 validation_error"),
        ("a URL with a password", Array(#"{"logo_url":"https://a:b@example.org/"}"#.utf8), "422 validation_error"),
        (
            "metadata over 64 KiB", Array("{\"metadata\":{\"a\":\"\(String(repeating: "x", count: 70_000))\"}}".utf8),
            "422 validation_error"
        ),
        (
            "10 MB of metadata", Array("{\"metadata\":{\"a\":\"\(String(repeating: "x", count: 10_000_000))\"}}".utf8),
            "413 payload_too_large"
        ),
        (
            "65 credentials",
            Array(
                ("{\"default_llm_credentials\":{" + (0..<65).map { "\"p\($0)\":\"s\"" }.joined(separator: ",") + "}}")
                    .utf8), "422 validation_error"
        ),
    ]

    @Test("Bad input is refused with what is wrong, and changes nothing", arguments: refusals)
    func refused(name: String, body: [UInt8], summary: String) throws {
        let tenant = try Service.tenant()
        let before = try tenant.organization()
        let answer = try patch(tenant, body)
        #expect(answer.summary == summary, "\(name): \(answer.text.prefix(300))")
        #expect(try answer.json["error"]["message"].string?.isEmpty == false)
        #expect(try tenant.organization() == before)
    }

    @Test(
        "Names of any script, whole numbers to the edge, and the deepest metadata that is allowed come back as they went"
    )
    func edges() throws {
        let tenant = try Service.tenant()
        let deepest = String(repeating: "[", count: 29) + String(repeating: "]", count: 29)
        let text = """
            {"organization_name": "🏰 Zugbrücke שלום 城", "metadata": {"least": -9223372036854775808, \
            "most": 9223372036854775807, "small": 1e-300, "deep": \(deepest), "": "", "e\\u0301": "\\u2028"}}
            """
        let answer = try patch(tenant, Array(text.utf8))
        #expect(answer.status == 200, "\(answer.text)")
        for part in ["-9223372036854775808", ":9223372036854775807", "1e-300", deepest, "🏰 Zugbrücke"] {
            #expect(answer.text.contains(part), "\(part)")
        }
        #expect(try tenant.get("/v1/organizations").text == answer.text)
    }

    @Test("Another content type is refused; one with a character set is fine")
    func contentTypes() throws {
        let tenant = try Service.tenant()
        let body = Array("{}".utf8)
        for type in [
            "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
            "application/json; charset=utf-16", "application/json; charset=\"iso-8859-1\"", "application/json; charset",
        ] {
            #expect(try patch(tenant, body, type: type).summary == "415 unsupported_media_type", "\(type)")
        }
        for type in [
            "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"", "APPLICATION/JSON",
            "application/merge-patch+json",
        ] {
            #expect(try patch(tenant, body, type: type).status == 200, "\(type)")
        }
    }

    @Test("Each of many concurrent PATCHes of one field is one event, and they form a chain without a gap")
    func eventsOfConcurrentPatches() throws {
        let tenant = try Service.tenant()
        let statuses = try Concurrent.run(24) { index in
            try tenant.patch(["organization_name": .string("Name \(index)")]).status
        }.map { try $0.get() }
        #expect(statuses.allSatisfy { $0 == 200 })
        let target = "/v1/organizations/audit/logs?action=organization_updated&limit=100"
        let changes = try tenant.get(target).json["results"].array.map { $0["changes"] }
        #expect(changes.count == 24)
        // Whatever a change found, another one had left there: from the first name, every name is left exactly once.
        var next: [JSON: JSON] = [:]
        for change in changes {
            let replaced = next.updateValue(
                change["after"]["organization_name"], forKey: change["before"]["organization_name"])
            #expect(replaced == nil)
        }
        var (name, steps) = (JSON.string("Test"), 0)
        while let following = next[name], steps < 100 { (name, steps) = (following, steps + 1) }
        #expect(steps == 24)
        #expect(try tenant.get("/v1/organizations").json["organization_name"] == name)
    }

    @Test("The flags of the gate govern the very next check, and the change says who made it")
    func gateFlags() throws {
        let tenant = try Service.tenant()
        for round in 0..<3 {
            #expect(try tenant.upload(fixture: Sample.nsfwJPEG).summary == "422 nsfw_content_rejected", "\(round)")
            #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
            #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 201, "\(round)")
            #expect(try tenant.patch(["nsfw_check_enabled": true]).status == 200)
        }
        let target = "/v1/organizations/audit/logs?action=organization_updated"
        let events = try tenant.get(target).json["results"].array
        #expect(events.count == 6)
        for (index, event) in events.reversed().enumerated() {
            let enabled = JSON.bool(!index.isMultiple(of: 2))
            #expect(event["changes"]["after"] == ["nsfw_check_enabled": enabled])
            #expect(event["actor_email"] == .string(tenant.email))
        }
    }

    @Test("Only an admin's key may PATCH, and the refusal changes nothing")
    func permission() throws {
        let tenant = try Service.tenant()
        for permission in ["read", "write", "delete"] {
            let key = try tenant.makeKey(permission)
            let request = HTTPRequest("PATCH", "/v1/organizations", json: ["organization_name": "No"])
            let answer = try tenant.service.send(request, key: key)
            #expect(answer.summary == "403 forbidden")
            #expect(try answer.json["error"]["details"]["required_permission"] == "admin")
        }
        #expect(try tenant.get("/v1/organizations").json["organization_name"] == "Test")
    }

    // 90,000 unknown names in 1 MB came back as 25 MB, after seconds of work and at the price of one request.
    @Test("A body in which everything is wrong costs little")
    func amplification() throws {
        let tenant = try Service.tenant()
        let before = try tenant.service.residentBytes()
        let body = "{" + (0..<90_000).map { "\"\(String($0, radix: 16))\":0" }.joined(separator: ",") + "}"
        for _ in 0..<4 {
            let answer = try patch(tenant, Array(body.utf8))
            #expect(answer.summary == "422 validation_error")
            #expect(answer.body.count < 20_000)
            #expect(try answer.json["error"]["details"]["unlisted_errors"] == 89_950)
        }
        #expect(try tenant.service.residentBytes() - before < 150_000_000)
    }
}
