package import Domain
package import HTTP

/// The description of an API (OpenAPI 3.1), made of the routes that serve it: a route that exists is in it, and nothing
/// else.
package struct OpenAPIDocument: Sendable {
    package let json: JSONObject

    package init(title: String, version: String, routes: [Router.Route]) {
        var paths = JSONObject()
        var schemas: [String: JSONValue] = [:]
        for route in routes {
            var operation = route.documentation
            for (name, schema) in operation[EndpointDescription.componentsMember]?.objectValue ?? [:] {
                schemas[name] = schema
            }
            operation[EndpointDescription.componentsMember] = nil
            operation["parameters"] = .array(Self.parameters(of: route))
            var item = paths[route.pattern]?.objectValue ?? [:]
            item[route.method.rawValue.lowercased()] = .object(operation)
            paths[route.pattern] = .object(item)
        }
        var components = JSONObject()
        for (name, schema) in schemas.sorted(by: { $0.key < $1.key }) { components[name] = schema }
        json = [
            "openapi": "3.1.0", "info": ["title": .string(title), "version": .string(version)],
            "paths": .object(paths),
            "components": [
                "schemas": .object(components), "headers": Self.headers,
                "securitySchemes": [
                    "bearerKey": ["type": "http", "scheme": "bearer", "description": "A key of an organization: sk_…"],
                    "operatorToken": [
                        "type": "http", "scheme": "bearer", "description": "The token of the private listener.",
                    ],
                ],
            ],
        ]
    }

    /// The described parameters, and those of the path that need no more description than their name.
    private static func parameters(of route: Router.Route) -> [JSONValue] {
        let described = route.documentation["parameters"]?.arrayValue ?? []
        let names = Set(described.compactMap { $0.objectValue?["name"]?.stringValue })
        let plain = route.parameters.filter { !names.contains($0) }.map { name -> JSONValue in
            [
                "name": .string(name), "in": "path", "required": true,
                "schema": Schema.matching("^[0-9A-Za-z_-]*$", length: 1...64).value,
            ]
        }
        return plain + described
    }

    private static let headers: JSONValue = {
        let meanings = [
            "Requests per minute.", "Requests that would pass now.", "When the limit is whole again, Unix seconds.",
            "Seconds that the limit is for.",
        ]
        var headers = JSONObject()
        for (name, meaning) in zip(EndpointDescription.rateLimitHeaders, meanings) {
            headers[name] = [
                "description": .string(meaning), "required": true, "schema": ["type": "integer", "minimum": 0],
            ]
        }
        return .object(headers)
    }()

    /// Serves the document on the router that it describes, itself included. To be called after every other
    /// registration.
    package static func register(on router: inout Router, title: String, version: String) {
        let description = EndpointDescription(
            "openapi", tag: "Description", "This description.", answer: .map(.anything))
        let path = "/openapi.json"
        var complete = router
        complete.register(.get, path, documentation: description.operation(security: .none)) { _ throws(Failure) in
            Response(status: 204)
        }
        // Encoded once: it does not change while the service runs.
        let bytes = JSONValue.object(
            OpenAPIDocument(title: title, version: version, routes: complete.routes).json
        ).encodedBytes
        router.register(.get, path, documentation: description.operation(security: .none)) { _ throws(Failure) in
            var response = Response(status: 200, body: .bytes(bytes))
            response.headers["Content-Type"] = "application/json"
            return response
        }
    }
}
