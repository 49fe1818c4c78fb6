package import Domain

extension EndpointDescription {
    /// Where a route's documentation keeps the schemas that it refers to; the document takes them from there.
    static let componentsMember = "x-components"

    /// What any request may meet, whatever the endpoint.
    private static let common: Set<FailureCode> = [
        .badRequest, .requestTimeout, .headersTooLarge, .internal, .notImplemented, .overloaded, .insufficientStorage,
    ]

    /// The OpenAPI operation object; the parameters of the path are completed by the document.
    package func operation(security: Security) -> JSONObject {
        var operation: JSONObject = [
            "operationId": .string(operationID), "tags": [.string(tag)], "summary": .string(summary),
        ]
        var components: [String: JSONObject] = Schema.failure.components
        var known = failures.union(Self.common)
        var headers = JSONObject()
        switch security {
        case .none: operation["security"] = []
        case .operatorToken: operation["security"] = [["operatorToken": []]]
        case .bearerKey(let permission, let category):
            operation["security"] = [["bearerKey": []]]
            operation["x-permission"] = .string(permission.rawValue)
            operation["x-rate-limit-category"] = .string(category.rawValue)
            known.formUnion([.unauthorized, .forbidden, .tooManyRequests, .validation])
            for name in Self.rateLimitHeaders { headers[name] = ["$ref": .string("#/components/headers/\(name)")] }
        }
        operation["parameters"] = .array(
            parameters(path, in: "path") + parameters(query, in: "query") + parameters(self.headers, in: "header"))
        if !bodies.isEmpty {
            operation["requestBody"] = [
                "required": .bool(bodyIsRequired), "content": .object(Self.content(bodies, &components)),
            ]
        }
        operation["responses"] = .object(responses(known, headers: headers, &components))
        for parameter in path + query + self.headers { components.merge(parameter.schema.components) { $1 } }
        operation[Self.componentsMember] = .object(Self.sorted(components))
        return operation
    }

    static let rateLimitHeaders = [
        "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Window",
    ]

    private func parameters(_ parameters: [Parameter], in place: String) -> [JSONValue] {
        parameters.map { parameter in
            [
                "name": .string(parameter.name), "in": .string(place), "required": .bool(place == "path"),
                "description": .string(parameter.meaning), "schema": parameter.schema.value,
            ]
        }
    }

    private func responses(
        _ failures: Set<FailureCode>, headers: JSONObject, _ components: inout [String: JSONObject]
    ) -> JSONObject {
        var responses = JSONObject()
        for success in successes {
            var response: JSONObject = ["description": .string(success.meaning)]
            if !headers.isEmpty { response["headers"] = .object(headers) }
            if !success.contents.isEmpty {
                response["content"] = .object(Self.content(success.contents, &components))
            }
            responses[String(success.status)] = .object(response)
        }
        let byStatus = Dictionary(grouping: failures, by: \.status)
        for (status, codes) in byStatus.sorted(by: { $0.key < $1.key }) {
            let names = codes.map { "`\($0.rawValue)`" }.sorted().joined(separator: ", ")
            guard responses[String(status)] == nil else { continue }
            responses[String(status)] = [
                "description": .string("\(codes[0].type): \(names)"),
                "content": ["application/json": ["schema": Schema.failure.value]],
            ]
        }
        return responses
    }

    private static func content(
        _ contents: [(type: String, schema: Schema)], _ components: inout [String: JSONObject]
    ) -> JSONObject {
        var object = JSONObject()
        for (type, schema) in contents {
            object[type] = ["schema": schema.value]
            components.merge(schema.components) { $1 }
        }
        return object
    }

    private static func sorted(_ components: [String: JSONObject]) -> JSONObject {
        var object = JSONObject()
        for (name, schema) in components.sorted(by: { $0.key < $1.key }) { object[name] = .object(schema) }
        return object
    }
}
