package import Domain

/// Finds the handler for a request by its method and path.
///
/// Patterns are paths whose segments are literal or `{name}`, such as `/v1/uploads/{id}/content`. A parameter stands for
/// exactly one segment that is not empty; it compares and is handed over percent-decoded, so that `%2F` does not split
/// it. Where both fit, the literal wins.
package struct Router: Sendable {
    package struct Route: Sendable {
        package let method: HTTPMethod
        package let pattern: String
        /// What a description of the API says about the route; the router only keeps it beside it.
        package let documentation: JSONObject
        /// The names in `pattern`, in order.
        package let parameters: [String]
        let handler: @Sendable (Request) async throws(Failure) -> Response
    }

    private struct Node: Sendable {
        var literals: [String: Node] = [:]
        /// One element at most: a struct cannot hold itself.
        var parameter: [Node] = []
        var routes: [HTTPMethod: Route] = [:]
    }

    private var root = Node()
    /// Every route, in the order of registration.
    package private(set) var routes: [Route] = []

    /// What a path is answered with that no pattern fits.
    package static let noSuchPath: Failure = Failure(.notFound, "There is no resource at this path.")

    package init() {}

    /// Adds a route. What the handler throws becomes the error envelope. A pattern that is malformed or known already is
    /// a mistake of the program, and stops it.
    package mutating func register(
        _ method: HTTPMethod, _ pattern: String, documentation: JSONObject = [:],
        _ handler: @escaping @Sendable (Request) async throws(Failure) -> Response
    ) {
        precondition(pattern.hasPrefix("/"), "the pattern \(pattern) does not begin with '/'")
        let segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let parameters = segments.compactMap(Self.parameterName)
        precondition(Set(parameters).count == parameters.count, "the pattern \(pattern) has a parameter twice")
        let route = Route(
            method: method, pattern: pattern, documentation: documentation, parameters: parameters, handler: handler)
        Self.insert(route, segments[...], &root)
        routes.append(route)
    }

    /// Answers a request: by its route, with 404 where no pattern fits the path, with 405 and `Allow` where one does but
    /// not for the method. HEAD is answered by the GET route; the server leaves the body out.
    package func handle(_ request: Request) async -> Response {
        do throws(Failure) {
            let (route, values) = try find(request.head)
            var request = request
            for (name, value) in zip(route.parameters, values) { request.parameters[name] = value }
            return try await route.handler(request)
        } catch {
            return Response(failure: error)
        }
    }

    private func find(_ head: RequestHead) throws(Failure) -> (Route, [String]) {
        var values: [String] = []
        guard let node = Self.match(head.pathSegments[...], root, &values) else {
            throw Self.noSuchPath
        }
        if let route = node.routes[head.method] { return (route, values) }
        if head.method == .head, let route = node.routes[.get] { return (route, values) }
        var allowed = node.routes.keys.map(\.rawValue)
        if node.routes[.get] != nil && node.routes[.head] == nil { allowed.append(HTTPMethod.head.rawValue) }
        let list = allowed.sorted().joined(separator: ", ")
        throw Failure(
            .methodNotAllowed, "The resource does not have the method \(head.method.rawValue); it has \(list).",
            headers: [("Allow", list)])
    }

    private static func parameterName(_ segment: String) -> String? {
        guard segment.hasPrefix("{"), segment.hasSuffix("}"), segment.utf8.count > 2 else { return nil }
        return String(segment.dropFirst().dropLast())
    }

    private static func insert(_ route: Route, _ segments: ArraySlice<String>, _ node: inout Node) {
        guard let segment = segments.first else {
            let known = node.routes.updateValue(route, forKey: route.method)
            precondition(known == nil, "the route \(route.method.rawValue) \(route.pattern) is registered twice")
            return
        }
        if parameterName(segment) != nil {
            if node.parameter.isEmpty { node.parameter.append(Node()) }
            insert(route, segments.dropFirst(), &node.parameter[0])
        } else {
            insert(route, segments.dropFirst(), &node.literals[segment, default: Node()])
        }
    }

    private static func match(_ segments: ArraySlice<String>, _ node: Node, _ values: inout [String]) -> Node? {
        guard let segment = segments.first else { return node.routes.isEmpty ? nil : node }
        let rest = segments.dropFirst()
        if let next = node.literals[segment], let found = match(rest, next, &values) { return found }
        guard let next = node.parameter.first, !segment.isEmpty else { return nil }
        values.append(segment)
        if let found = match(rest, next, &values) { return found }
        values.removeLast()
        return nil
    }
}
