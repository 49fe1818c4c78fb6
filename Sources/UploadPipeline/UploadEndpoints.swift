import BlobStore
import Charge
import Database
import Domain
package import Endpoints
package import HTTP

/// The public endpoints of uploads.
package struct UploadEndpoints: Sendable {
    let services: UploadServices

    package init(services: UploadServices) { self.services = services }

    package func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let intake = UploadIntake(services: services)
        // Its steps check key and limit themselves.
        router.register(
            .post, "/v1/uploads",
            documentation: Descriptions.post.operation(security: .bearerKey(.write, .upload))
        ) { request throws(Failure) in await intake.post(request) }
        let one = "/v1/uploads/{upload_id}"
        routes.add(
            .get, "/v1/uploads", to: &router, needs: .read, category: .search, describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try list(request, caller) }
        routes.add(.get, one, to: &router, needs: .read, category: .data, describedBy: Descriptions.get) {
            request, caller throws(Failure) in try get(request, caller)
        }
        routes.add(
            .get, one + "/content", to: &router, needs: .read, category: .data, describedBy: Descriptions.content
        ) { request, caller throws(Failure) in try content(request, caller) }
        routes.add(.delete, one, to: &router, needs: .delete, category: .data, describedBy: Descriptions.delete) {
            request, caller throws(Failure) in try await delete(request, caller)
        }
        routes.add(
            .post, one + "/rescan", to: &router, needs: .write, category: .compute, describedBy: Descriptions.rescan
        ) { request, caller throws(Failure) in
            try await UploadRescan(services: services).answer(request, caller, try find(request, caller))
        }
    }

    private func list(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let listing = try UploadListing(request.head)
        let organization = caller.organization
        let page: Page<UploadRecord> = try services.database.readForRequest { transaction throws(DatabaseError) in
            try transaction.uploads.list(
                organization.internalID, filter: listing.filter, after: listing.cursor, limit: listing.limit)
        }
        return Response(
            json: [
                "results": .array(page.items.map { $0.presentation(organization: organization.id) }),
                "pagination": [
                    "total": nil, "page": nil, "page_size": .integer(Int64(listing.limit)), "total_pages": nil,
                    "next_page": nil, "previous_page": nil, "next_cursor": JSONValue(page.next?.encoded),
                ],
            ])
    }

    private func get(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        Response(json: try find(request, caller).presentation(organization: caller.organization.id))
    }

    private func content(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        try UploadContent(store: services.content).answer(
            to: request.head, try find(request, caller), of: caller.organization.id)
    }

    private func delete(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let record = try find(request, caller)
        guard record.status != .rejected else { throw Self.notFound(record.id.rawValue) }
        // Deleting twice is deleting once.
        if record.status != .deleted {
            try await services.register.delete(
                record, organization: caller.organization.id, by: caller.key.id, requestID: request.head.id,
                origin: AuditOrigin(request.head))
        }
        return Response(status: 204)
    }

    /// Another organization's upload is not found, exactly as one that never was.
    private func find(_ request: Request, _ caller: Caller) throws(Failure) -> UploadRecord {
        let id = request.parameters["upload_id"] ?? ""
        let record: UploadRecord? = try services.database.readForRequest { transaction throws(DatabaseError) in
            try transaction.uploads.find(caller.organization.internalID, id: UploadID(rawValue: id))
        }
        guard let record else { throw Self.notFound(id) }
        return record
    }

    static func notFound(_ id: String) -> Failure {
        Failure(.notFound, "There is no upload \"\(id.prefix(100))\".")
    }
}
