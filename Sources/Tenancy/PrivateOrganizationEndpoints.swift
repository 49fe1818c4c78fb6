import Database
import Domain
package import Endpoints
package import HTTP

/// The operator's endpoints: the only place where `infrastructure` is read or written and `internal_id` is seen.
package struct PrivateOrganizationEndpoints: Sendable {
    private let directory: OrganizationDirectory

    package init(directory: OrganizationDirectory) { self.directory = directory }

    package func register(on router: inout Router, _ routes: PrivateRoutes) {
        let collection = "/v1/private/organizations"
        let one = collection + "/{organization_id}"
        routes.add(.post, collection, to: &router) { request throws(Failure) in try await create(request) }
        routes.add(.get, collection, to: &router) { request throws(Failure) in try list(request) }
        routes.add(.get, one, to: &router) { request throws(Failure) in try get(request) }
        routes.add(.patch, one, to: &router) { request throws(Failure) in try await patch(request) }
        routes.add(.delete, one, to: &router) { request throws(Failure) in try await delete(request) }
        routes.add(.post, one + "/add-user", to: &router) { request throws(Failure) in try await addUser(request) }
        routes.add(.post, one + "/users/{email}/bootstrap-key", to: &router) { request throws(Failure) in
            try await bootstrapKey(request)
        }
    }

    private func create(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject()
        return Response(
            json: .object(try await directory.create(from: fields, actor: Self.actor, requestID: request.head.id)))
    }

    private func list(_ request: Request) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let limit = query.integer("limit", 1...100) ?? 20
        let cursor = query.cursor()
        try query.finish()
        let page = try directory.presentations(after: cursor, limit: limit)
        return Response(
            json: [
                "results": .array(page.items.map(JSONValue.object)),
                "pagination": ["page_size": .integer(Int64(limit)), "next_cursor": JSONValue(page.next?.encoded)],
            ])
    }

    private func get(_ request: Request) throws(Failure) -> Response {
        Response(json: .object(try directory.presentation(of: id(of: request))))
    }

    private func patch(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject()
        return Response(
            json: .object(
                try await directory.update(
                    id(of: request), from: fields, actor: Self.actor, requestID: request.head.id)))
    }

    private func delete(_ request: Request) async throws(Failure) -> Response {
        try await directory.delete(id(of: request), actor: Self.actor, requestID: request.head.id)
        return Response(json: ["success": true, "message": "The organization was deleted."])
    }

    private func addUser(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject()
        return Response(
            json: .object(
                try await directory.addUser(
                    from: fields, to: id(of: request), actor: Self.actor, requestID: request.head.id)))
    }

    private func bootstrapKey(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject(emptyMeans: [:])
        return Response(
            json: .object(
                try await directory.createKey(
                    from: fields, forUser: request.parameters["email"] ?? "", of: id(of: request), actor: Self.actor,
                    requestID: request.head.id)))
    }

    private static let actor = "operator"

    private func id(of request: Request) -> OrganizationID {
        OrganizationID(rawValue: request.parameters["organization_id"] ?? "")
    }
}
