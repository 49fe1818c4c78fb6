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
        routes.add(.post, collection, to: &router, describedBy: Descriptions.create) { request throws(Failure) in
            try await create(request)
        }
        routes.add(.get, collection, to: &router, describedBy: Descriptions.list) { request throws(Failure) in
            try list(request)
        }
        routes.add(.get, one, to: &router, describedBy: Descriptions.get) { request throws(Failure) in
            try get(request)
        }
        routes.add(.patch, one, to: &router, describedBy: Descriptions.update) { request throws(Failure) in
            try await patch(request)
        }
        routes.add(.delete, one, to: &router, describedBy: Descriptions.delete) { request throws(Failure) in
            try await delete(request)
        }
        routes.add(.post, one + "/add-user", to: &router, describedBy: Descriptions.addUser) {
            request throws(Failure) in try await addUser(request)
        }
        routes.add(
            .post, one + "/users/{email}/bootstrap-key", to: &router, describedBy: Descriptions.bootstrapKey
        ) { request throws(Failure) in try await bootstrapKey(request) }
    }

    private func create(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject()
        return Response(
            json: .object(try await directory.create(from: fields, by: Self.author(request))))
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
                    id(of: request), from: fields, by: Self.author(request))))
    }

    private func delete(_ request: Request) async throws(Failure) -> Response {
        try await directory.delete(id(of: request), by: Self.author(request))
        return Response(json: ["success": true, "message": "The organization was deleted."])
    }

    private func addUser(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject()
        return Response(
            json: .object(
                try await directory.addUser(
                    from: fields, to: id(of: request), by: Self.author(request))))
    }

    private func bootstrapKey(_ request: Request) async throws(Failure) -> Response {
        let fields = try await request.jsonObject(emptyMeans: [:])
        return Response(
            json: .object(
                try await directory.createKey(
                    from: fields, forUser: request.parameters["email"] ?? "", of: id(of: request),
                    by: Self.author(request))))
    }

    private static func author(_ request: Request) -> OperatorAuthor {
        OperatorAuthor(actor: "operator", requestID: request.head.id, origin: AuditOrigin(request.head))
    }

    private func id(of request: Request) -> OrganizationID {
        OrganizationID(rawValue: request.parameters["organization_id"] ?? "")
    }
}

extension PrivateOrganizationEndpoints {
    enum Descriptions {
        private static let tag = "Organization"
        private static let credits = Schema.integer(0...OperatorUpdate.maximumCredits)
        private static let user: [Schema.Property] = [
            ("email", .email), ("user_name", .displayName(UserLimits.nameLength)), ("role", .choice(of: UserRole.self)),
            ("status", .choice(of: UserStatus.self)), ("avatar_url", .webURL), ("metadata", .jsonObject),
        ]
        private static let changes: [Schema.Property] =
            Schema.organizationChanges(rateLimitCeiling: OperatorUpdate.operatorCeiling) + [
                ("account_type", .choice(of: Tier.self)),
                ("rate_limits", .rateLimits(ceiling: OperatorUpdate.operatorCeiling)),
                (
                    "infrastructure",
                    Schema.jsonObject.described("Any object: the dedicated plane; null: the shared one")
                ),
                ("monthly_credit_cap", credits), ("auto_billing_enabled", .boolean),
                ("billing_cycle_start", .integer(1...31)), ("credits", credits),
            ]

        static let create = EndpointDescription(
            "create_organization", tag: tag, "Create an organization.", answer: .privateOrganization
        )
        .taking(
            .named(
                "PrivateOrganizationCreateRequest",
                .request(
                    changes + [("users", .array(.request(user, required: ["email"]), count: 0...100))],
                    required: ["organization_name"])))

        static let list = EndpointDescription(
            "list_organizations", tag: tag, "List the organizations, newest first.",
            answer: .answer([
                ("results", .array(.privateOrganization)),
                (
                    "pagination",
                    .answer([("page_size", .integer(1...100)), ("next_cursor", Schema.string.nullable)])
                ),
            ])
        ).filtered(by: [.init("limit", .integer(1...100), "How many at most."), .cursor])

        static let get = EndpointDescription(
            "get_organization", tag: tag, "Read an organization.", answer: .privateOrganization
        ).failing(.notFound)

        static let update = EndpointDescription(
            "update_organization", tag: tag, "Change an organization: tier, limits, plane, allowance, credits.",
            answer: .privateOrganization
        )
        .taking(.named("PrivateOrganizationUpdateRequest", .request(changes))).failing(.notFound)

        static let delete = EndpointDescription(
            "delete_organization", tag: tag, "Delete an organization and revoke its keys.", answer: .success
        ).failing(.notFound)

        static let addUser = EndpointDescription(
            "add_user", tag: tag, "Add a user to an organization.", answer: .user
        )
        .taking(.named("AddUserRequest", .request(user, required: ["email"]))).failing(.notFound, .alreadyExists)

        static let bootstrapKey = EndpointDescription(
            "bootstrap_key", tag: tag,
            "Create a key for a user; without permissions it may do whatever the user's role allows.",
            answer: .createdKey
        )
        .at(.init("email", .email, "The user's e-mail address."))
        .taking(.named("APIKeyCreateRequest", .request(KeyEndpoints.Descriptions.settings)), isRequired: false)
        .failing(.alreadyExists, .conflict)
    }
}
