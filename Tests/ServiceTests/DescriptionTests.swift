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
}
