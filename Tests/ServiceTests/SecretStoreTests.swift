import TestSupport
import Testing

@Suite("Stored secrets", .service())
struct SecretStoreTests {
    private static let secrets = "/v1/organizations/secrets"

    private func create(_ tenant: Tenant, _ name: String, _ value: String = "value") throws -> HTTPResponse {
        try tenant.send(
            HTTPRequest("POST", Self.secrets, json: ["secret_name": .string(name), "secret_value": .string(value)]))
    }

    @Test("A value goes in and never comes out: not in answers, not in the log, not in the files")
    func secrecy() throws {
        let tenant = try Service.tenant()
        let value = "correct horse battery staple \(UInt64.random(in: .min ... .max))"
        let second = "another \(value)"
        let update = HTTPRequest("PUT", "\(Self.secrets)/openai", json: ["secret_value": .string(second)])
        let answers = try [
            create(tenant, "openai", value), tenant.send(update), tenant.get(Self.secrets),
            tenant.patch(["default_llm_credentials": ["openai": "openai"]]), tenant.get("/v1/organizations"),
            tenant.get("/v1/organizations/audit/logs"), create(tenant, "openai", value),
        ]
        #expect(answers.map(\.status) == [200, 200, 200, 200, 200, 200, 409])
        for answer in answers { #expect(!answer.text.contains(value)) }
        #expect(!tenant.service.log.contains(value))
        for file in tenant.service.directory.files(below: "data") {
            let bytes = try [UInt8](contentsOf: tenant.service.directory.url(file))
            #expect(!bytes.contains(Array(value.utf8)), "\(file) holds the value")
        }
        #expect(try tenant.organization()["default_llm_credentials"] == ["openai": "openai"])
    }

    @Test("Names are listed in order, and are one organization's own")
    func names() throws {
        let (one, other) = (try Service.tenant(), try Service.tenant())
        for name in ["b", "a/c d", "ü"] { #expect(try create(one, name).status == 200) }
        #expect(try one.get(Self.secrets).json == ["secrets": ["a/c d", "b", "ü"], "count": 3])
        #expect(try other.get(Self.secrets).json == ["secrets": [], "count": 0])
        #expect(try other.delete("\(Self.secrets)/b").summary == "404 not_found")
        #expect(try one.delete("\(Self.secrets)/a%2Fc%20d").json["deleted"] == true)
        let reader = try one.makeKey("read")
        #expect(try one.service.send(HTTPRequest("GET", Self.secrets), key: reader).json["count"] == 2)
    }

    @Test("default_llm_credentials names secrets that exist, or nothing changes")
    func references() throws {
        let tenant = try Service.tenant()
        #expect(try create(tenant, "known").status == 200)
        let before = try tenant.organization()
        for body: JSON in [
            ["default_llm_credentials": ["openai": "unknown"]],
            ["default_llm_credentials": ["openai": "known", "anthropic": "unknown"], "organization_name": "No"],
        ] {
            let answer = try tenant.patch(body)
            #expect(answer.summary == "422 validation_error")
            #expect(answer.text.contains("unknown") && answer.text.contains("default_llm_credentials"))
            #expect(try tenant.patchPrivately(body).summary == "422 validation_error")
        }
        #expect(try tenant.organization() == before)
        #expect(try tenant.patch(["default_llm_credentials": ["openai": "known"]]).status == 200)
        // A secret that is in use stays.
        #expect(try tenant.delete("\(Self.secrets)/known").summary == "409 conflict")
        #expect(try tenant.patch(["default_llm_credentials": [:]]).status == 200)
        #expect(try tenant.delete("\(Self.secrets)/known").status == 200)
    }

    @Test(
        "What is wrong with a secret is named",
        arguments: [
            (["secret_name": "", "secret_value": "v"], "secret_name"), (["secret_value": "v"], "secret_name"),
            (["secret_name": "n"], "secret_value"), (["secret_name": "n", "secret_value": ""], "secret_value"),
            (["secret_name": "n", "secret_value": 5], "secret_value"),
            (["secret_name": "a\nb", "secret_value": "v"], "secret_name"),
            (["secret_name": "n", "secret_value": "v", "kind": "x"], "kind"),
            (["secret_name": "n", "secret_value": .string(String(repeating: "v", count: 16_385))], "secret_value"),
        ] as [(JSON, String)])
    func refusals(body: JSON, place: String) throws {
        let tenant = try Service.tenant()
        let answer = try tenant.send(HTTPRequest("POST", Self.secrets, json: body))
        #expect(answer.summary == "422 validation_error")
        #expect(try answer.json["error"]["details"]["validation_errors"][0]["location"][1] == .string(place))
        #expect(try tenant.get(Self.secrets).json["count"] == 0)
    }

    @Test("Without the operator's key no secret is kept, and the service says why")
    func notEnabled() throws {
        let service = try Service(settings: ["PORTCULLIS_SECRETS_KEY": ""])
        let tenant = try service.makeTenant()
        let answer = try create(tenant, "n")
        #expect(answer.summary == "403 not_enabled")
        #expect(try answer.json["error"]["type"] == "NotEnabledError")
        #expect(try tenant.get(Self.secrets).json["count"] == 0)
        try service.stop()
    }

    @Test("A start with another key warns of the secrets that it cannot open")
    func otherKey() throws {
        let directory = try TemporaryDirectory()
        let first = try Service(in: directory)
        #expect(try create(first.makeTenant(), "n").status == 200)
        try first.stop()
        let key = String(repeating: "f", count: 64)
        let second = try Service(settings: ["PORTCULLIS_SECRETS_KEY": key], in: directory)
        #expect(second.log.contains("secrets.other_key"))
        #expect(!second.log.contains(key))
        try second.stop()
    }

    // `é` can be one code point or two. A dictionary of strings takes both for one, the database does not: a credential could
    // name a secret that does not exist, and keep one from being deleted that nothing uses.
    @Test("A secret whose name only looks like another one's is another secret")
    func exactNames() throws {
        let tenant = try Service.tenant()
        #expect(try create(tenant, "\u{e9}").status == 200)
        func patch(_ credentials: String) throws -> HTTPResponse {
            let body = Array("{\"default_llm_credentials\": \(credentials)}".utf8)
            return try tenant.send(
                HTTPRequest(
                    "PATCH", "/v1/organizations", headers: [("Content-Type", "application/json")], body: .bytes(body)))
        }
        for _ in 0..<4 {
            let both = try patch("{\"a\": \"\u{e9}\", \"b\": \"e\u{301}\"}")
            #expect(both.summary == "422 validation_error", "\(both.text)")
        }
        #expect(try create(tenant, "e\u{301}").status == 200)
        let providers = try patch("{\"\u{e9}\": \"\u{e9}\", \"e\u{301}\": \"\u{e9}\"}")
        #expect(providers.status == 200)
        #expect(providers.text.contains("\"\u{e9}\":\"\u{e9}\"") && providers.text.contains("\"e\u{301}\":\"\u{e9}\""))
        #expect(try tenant.delete(Self.secrets + "/e%CC%81").status == 200)
        #expect(try tenant.delete(Self.secrets + "/%C3%A9").summary == "409 conflict")
    }
}
