import TestSupport

/// One operation of the described API, as the service itself describes it.
struct Operation: Sendable, CustomStringConvertible {
    let method: String
    let pattern: String
    let json: JSON

    var description: String { "\(method) \(pattern)" }
    /// The permission that a key needs; nil where no key is needed.
    var permission: String? { json["x-permission"].string }
    var category: String? { json["x-rate-limit-category"].string }
    var parameters: [String] { pattern.matches(of: /\{(\w+)\}/).map { String($0.1) } }

    /// The operations that a service describes, in order.
    static func all(of answer: HTTPResponse) throws -> [Operation] {
        try answer.json["paths"].object.flatMap { pattern, item in
            item.object.map { Operation(method: $0.key.uppercased(), pattern: pattern, json: $0.value) }
        }
        .sorted { $0.description < $1.description }
    }

    static func all(of service: Service) throws -> [Operation] {
        try all(of: service.send(HTTPRequest("GET", "/openapi.json")))
    }

    /// A request that gets past key and permission; whether its body is good does not matter.
    func request(_ values: [String: String] = [:]) -> HTTPRequest {
        var target = pattern
        for parameter in parameters {
            target = target.replacing("{\(parameter)}", with: values[parameter] ?? "unknown")
        }
        if pattern == "/v1/uploads", method == "POST" { target += "?filename=n.txt" }
        guard json["requestBody"].isPresent else { return HTTPRequest(method, target) }
        return HTTPRequest(method, target, json: [:])
    }
}
