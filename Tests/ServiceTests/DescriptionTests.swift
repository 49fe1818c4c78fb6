import TestSupport
import Testing

@Suite("The description of the API", .service())
struct DescriptionTests {
    @Test("It is OpenAPI 3.1, served to everybody, and describes itself")
    func document() throws {
        let answer = try Service.current.send(HTTPRequest("GET", "/openapi.json"))
        #expect(answer.status == 200 && answer["Content-Type"] == "application/json")
        let document = try answer.json
        #expect(document["openapi"] == "3.1.0")
        #expect(document["info"]["title"] == "Portcullis")
        #expect(document["paths"]["/openapi.json"]["get"].isPresent)
        #expect(!answer.text.contains("/v1/private/") && !answer.text.contains("x-components"))
    }

    @Test("Every operation has a summary, a name of its own, and every answer that its kind of request can get")
    func operations() throws {
        let operations = try Operation.all(of: Service.current)
        var names: Set<String> = []
        for operation in operations {
            #expect(operation.json["summary"].string?.hasSuffix(".") == true, "\(operation)")
            #expect(operation.json["tags"].array.count == 1, "\(operation)")
            let name = try #require(operation.json["operationId"].string, "\(operation)")
            #expect(names.insert(name).inserted, "\(name) names two operations")
            var statuses = ["400", "500", "503"]
            if operation.permission != nil { statuses += ["401", "403", "429"] }
            if operation.json["requestBody"].isPresent { statuses += ["413", "415", "422"] }
            if operation.pattern.contains("{") { statuses.append("404") }
            for status in statuses {
                #expect(operation.json["responses"][status].isPresent, "\(operation) lacks \(status)")
            }
            let described = operation.json["parameters"].array.filter { $0["in"] == "path" }
            #expect(
                described.compactMap { $0["name"].string }.sorted() == operation.parameters.sorted(), "\(operation)")
        }
    }

    @Test("What is described is there, with the methods that are described and no others")
    func noDrift() throws {
        let service = try Service.current
        let byPattern = Dictionary(grouping: try Operation.all(of: service), by: \.pattern)
        for (pattern, operations) in byPattern {
            let target = operations[0].request().target
            let answer = try service.send(HTTPRequest("OPTIONS", target))
            #expect(answer.summary == "405 method_not_allowed", "\(pattern)")
            var methods = Set(operations.map(\.method))
            if methods.contains("GET") { methods.insert("HEAD") }
            let allowed = Set((answer["Allow"] ?? "").split(separator: ", ").map(String.init))
            #expect(allowed == methods, "\(pattern)")
        }
    }

    @Test("Every reference within the document leads somewhere, and every schema is used")
    func references() throws {
        let document = try Service.current.send(HTTPRequest("GET", "/openapi.json"))
        let used = Set(document.text.matches(of: /"\$ref":"#\/components\/schemas\/(\w+)"/).map { String($0.1) })
        let defined = Set(try document.json["components"]["schemas"].keys)
        #expect(used == defined)
        #expect(used.count > 20)
    }

    // A parameter that is not described would silently do nothing.
    @Test("Every route behind a key or the token refuses a parameter that it does not describe")
    func unknownParameters() throws {
        let tenant = try Service.tenant()
        let service = tenant.service
        let description = try service.connectPrivately().exchange(HTTPRequest("GET", "/openapi.json"))
        let privately = try Operation.all(of: description).filter { $0.pattern.hasPrefix("/v1/private/") }
        for operation in try Operation.all(of: service).filter({ $0.permission != nil }) + privately {
            var request = operation.request(["user_email": "nobody@example.org"])
            request.target += request.target.contains("?") ? "&unheard=1" : "?unheard=1"
            let answer =
                try operation.permission == nil ? service.sendPrivately(request) : tenant.send(request)
            #expect(answer.summary == "422 validation_error", "\(operation): \(answer.text)")
            #expect(
                try answer.json["error"]["details"]["validation_errors"][0]["location"] == ["query", "unheard"],
                "\(operation)")
        }
        for query in ["limit=%2B5", "limit=007", "limit=5.0", "limit=-0"] {
            #expect(try tenant.get("/v1/organizations/users?\(query)").summary == "422 validation_error", "\(query)")
        }
    }

    /// The members of `value` that `schema` does not describe, at whatever depth.
    private func undescribed(_ value: JSON, _ schema: JSON, _ document: JSON, _ path: String) -> [String] {
        var schema = schema
        if let reference = schema["$ref"].string, let name = reference.split(separator: "/").last {
            schema = document["components"]["schemas"][String(name)]
        }
        if let choices = schema.object["anyOf"]?.array, let first = choices.first { schema = first }
        if schema["$ref"].isPresent { return undescribed(value, schema, document, path) }
        switch value {
        case .object(let members):
            guard schema["properties"].isPresent else { return [] }
            return members.flatMap { name, member in
                schema["properties"][name].isPresent
                    ? undescribed(member, schema["properties"][name], document, "\(path).\(name)") : ["\(path).\(name)"]
            }
        case .array(let elements):
            return elements.flatMap { undescribed($0, schema["items"], document, path + "[]") }
        default: return []
        }
    }

    @Test("Everything that is answered is described")
    func answers() throws {
        let tenant = try Service.tenant()
        let service = tenant.service
        let key: JSON = ["name": "k", "permissions": ["read"]]
        let created = try tenant.send(
            HTTPRequest("POST", "/v1/organizations/users/\(tenant.email)/api-keys", json: key)
        ).json
        let values = [
            "user_email": tenant.email, "key_id": try #require(created["key_id"].string), "email": tenant.email,
            "identifier": try WebhookClient(tenant, "https://hooks.example.org/").id,
            "upload_id": try tenant.accepted(Sample.text), "organization_id": tenant.id,
            "bucket_identifier": "default",
            "audit_id": try #require(tenant.get("/v1/organizations/audit/logs").json["results"][0]["audit_id"].string),
        ]
        var count = 0
        for isPrivate in [false, true] {
            let connection = try isPrivate ? service.connectPrivately() : service.connect()
            let description = try connection.exchange(HTTPRequest("GET", "/openapi.json"))
            let document = try description.json
            for operation in try Operation.all(of: description) where operation.method == "GET" {
                let content = operation.json["responses"]["200"]["content"]["application/json"]
                guard content.isPresent, !operation.pattern.hasSuffix(".json") else { continue }
                let request = operation.request(values)
                let answer = try isPrivate ? service.sendPrivately(request) : tenant.send(request)
                // Tasks and the quarantine have suites of their own; here there is nothing in them.
                if answer.status == 404, operation.pattern.contains("task") || operation.pattern.contains("quarantine")
                {
                    continue
                }
                #expect(answer.status == 200, "\(operation): \(answer.text)")
                let missing = try undescribed(answer.json, content["schema"], document, "")
                #expect(missing.isEmpty, "\(operation)")
                count += 1
            }
        }
        #expect(count >= 18)
    }
}
