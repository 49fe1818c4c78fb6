package import Admission
package import Authentication
package import Domain
package import HTTP

/// Routes that need a bearer key: the key is checked, the request counted against its category, a JSON body read, and only
/// then the handler runs, for a caller who is good at that moment.
package struct AuthenticatedRoutes: Sendable {
    package typealias Handler = @Sendable (Request, Caller) async throws(Failure) -> Response

    private let authenticator: Authenticator
    private let limiter: RateLimiter
    private let readAudit: ReadAudit

    /// What is known of a route beforehand.
    private struct Route {
        let needs: Permission
        let category: RateLimitCategory
        /// The kind of thing that it is about, such as `user`.
        let resource: String
        let takesJSON: Bool
        let query: KnownQuery
    }

    package init(authenticator: Authenticator, limiter: RateLimiter, readAudit: ReadAudit) {
        self.authenticator = authenticator
        self.limiter = limiter
        self.readAudit = readAudit
    }

    /// Adds a route to `router`.
    ///
    /// - Parameters:
    ///   - needs: the permission that the key must have.
    ///   - category: what the request counts against.
    package func add(
        _ method: HTTPMethod, _ path: String, to router: inout Router, needs: Permission, category: RateLimitCategory,
        describedBy description: EndpointDescription, _ handler: @escaping Handler
    ) {
        let operation = description.operation(security: .bearerKey(needs, category))
        let route = Route(
            needs: needs, category: category, resource: description.tag.lowercased(),
            takesJSON: description.bodies.contains { $0.type == "application/json" },
            query: KnownQuery(of: description))
        router.register(method, path, documentation: operation) { request throws(Failure) in
            try await answer(request, route, handler)
        }
    }

    private func answer(_ request: Request, _ route: Route, _ handler: Handler) async throws(Failure) -> Response {
        let caller = try authenticate(request)
        let isRecorded = readAudit.applies(to: request, by: caller)
        guard caller.key.allows(route.needs) || isRecorded else {
            // Every authenticated answer says how its limit stands; a refused one consumes nothing of it.
            let status = limiter.status(route.category, for: caller)
            return Response(failure: .forbidden(route.needs)).adding(status.headers)
        }
        // A refusal that is recorded does: nobody fills the audit log faster than the limits allow.
        let pass = try limiter.take(route.category, for: caller)
        var response: Response
        var refusal: Failure?
        do throws(Failure) {
            response = try await work(request, caller, route, handler)
        } catch { (response, refusal) = (Response(failure: error), error) }
        if isRecorded {
            do throws(Failure) {
                try await readAudit.record(request, of: route.resource, by: caller, refusal: refusal)
            } catch { response = Response(failure: error) }
        }
        return response.adding(pass.status.headers)
    }

    private func authenticate(_ request: Request) throws(Failure) -> Caller {
        try authenticator.caller(
            authorization: request.head.headers.values("authorization"), from: request.head.remoteAddress)
    }

    private func work(
        _ request: Request, _ caller: Caller, _ route: Route, _ handler: Handler
    ) async throws(Failure) -> Response {
        guard caller.key.allows(route.needs) else { throw .forbidden(route.needs) }
        try route.query.check(request.head)
        var (request, caller) = (request, caller)
        if route.takesJSON {
            // A client may take minutes to send its body, and lose its key meanwhile: who it is and what it may is
            // asked again when the body is there.
            request = try await request.readingJSON()
            caller = try authenticate(request)
            guard caller.key.allows(route.needs) else { throw .forbidden(route.needs) }
        }
        return try await handler(request, caller)
    }
}

extension Response {
    /// The response with further header fields, each in place of those of the same name.
    package func adding(_ headers: [(name: String, value: String)]) -> Response {
        var response = self
        for (name, value) in headers { response.headers[name] = value }
        return response
    }
}
