package import Admission
package import Authentication
package import Domain
package import HTTP

/// Routes that need a bearer key: the key is checked, the request counted against its category, and only then the
/// handler runs.
package struct AuthenticatedRoutes: Sendable {
    package typealias Handler = @Sendable (Request, Caller) async throws(Failure) -> Response

    private let authenticator: Authenticator
    private let limiter: RateLimiter
    private let readAudit: ReadAudit

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
        let resource = description.tag.lowercased()
        router.register(method, path, documentation: operation) { request throws(Failure) in
            try await answer(request, needs: needs, category: category, of: resource, handler)
        }
    }

    private func answer(
        _ request: Request, needs: Permission, category: RateLimitCategory, of resource: String, _ handler: Handler
    ) async throws(Failure) -> Response {
        let caller = try authenticator.caller(
            authorization: request.head.headers.values("authorization"), from: request.head.remoteAddress)
        guard caller.key.allows(needs) else {
            // Every authenticated answer says how its limit stands; a refused one consumes nothing of it.
            let status = limiter.status(category, for: caller)
            return Response(failure: Authenticator.forbidden(needs)).adding(status.headers)
        }
        let pass = try limiter.take(category, for: caller)
        var response: Response
        do throws(Failure) {
            response = try await handler(request, caller)
            try await readAudit.record(request, of: resource, by: caller)
        } catch { response = Response(failure: error) }
        return response.adding(pass.status.headers)
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
