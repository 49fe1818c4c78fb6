package import Domain

/// What the description of the API says about one endpoint. It stands beside the endpoint's registration, so that one
/// cannot be changed without seeing the other.
package struct EndpointDescription: Sendable {
    /// Who may use an endpoint.
    package enum Security: Sendable {
        case none
        case bearerKey(Permission, RateLimitCategory)
        case operatorToken
    }

    /// One parameter of path or query.
    package struct Parameter: Sendable {
        package var name: String
        package var schema: Schema
        package var meaning: String

        package init(_ name: String, _ schema: Schema, _ meaning: String) {
            self.name = name
            self.schema = schema
            self.meaning = meaning
        }
    }

    /// The answer to a request that succeeds.
    package struct Success: Sendable {
        package var status: Int
        package var meaning: String
        /// By media type.
        package var contents: [(type: String, schema: Schema)]

        package init(status: Int, meaning: String, contents: [(type: String, schema: Schema)]) {
            self.status = status
            self.meaning = meaning
            self.contents = contents
        }
    }

    /// The official SDK's name for the operation, where it has one.
    package var operationID: String
    package var tag: String
    package var summary: String
    package var path: [Parameter] = []
    package var query: [Parameter] = []
    package var headers: [Parameter] = []
    /// By media type; empty without a body.
    package var bodies: [(type: String, schema: Schema)] = []
    package var bodyIsRequired = true
    package var successes: [Success]
    /// Errors beside those that every endpoint can give.
    package var failures: Set<FailureCode> = []

    /// - Parameter answer: the JSON of the answer 200.
    package init(_ operationID: String, tag: String, _ summary: String, answer: Schema) {
        self.operationID = operationID
        self.tag = tag
        self.summary = summary
        successes = [Success(status: 200, meaning: "Done.", contents: [("application/json", answer)])]
    }

    package func taking(_ body: Schema, isRequired: Bool = true) -> EndpointDescription {
        var description = self
        description.bodies = [("application/json", body)]
        description.bodyIsRequired = isRequired
        description.failures.formUnion([.malformedJSON, .payloadTooLarge, .unsupportedMediaType, .validation])
        return description
    }

    package func filtered(by query: [Parameter]) -> EndpointDescription {
        var description = self
        description.query += query
        description.failures.insert(.validation)
        return description
    }

    package func at(_ path: Parameter...) -> EndpointDescription {
        var description = self
        description.path += path
        description.failures.insert(.notFound)
        return description
    }

    /// Takes an `Idempotency-Key`.
    package var repeatable: EndpointDescription {
        var description = self
        description.headers.append(
            .init(
                "Idempotency-Key", .matching("^[!-~]+$", length: 1...255),
                "A repeat within 24 hours gets the first answer and costs nothing."))
        return description
    }

    package func failing(_ codes: FailureCode...) -> EndpointDescription {
        var description = self
        description.failures.formUnion(codes)
        return description
    }
}

extension EndpointDescription.Parameter {
    package static let limit = Self("limit", .integer(1...1_000), "How many at most.")
    package static let skip = Self("skip", .integer(0...1_000_000), "How many to leave out at the beginning.")
    package static let cursor = Self(
        "cursor", .matching(#"^[0-9]{1,15}\.[0-9A-Za-z_]{1,40}$"#, length: 3...60),
        "Where the page before this one ended: its `next_cursor`.")
}
