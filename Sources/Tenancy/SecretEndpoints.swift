import Database
import Domain
import Endpoints
import HTTP

/// The secrets of an organization, such as the credentials of LLM providers. Their values go in and never come out.
struct SecretEndpoints: Sendable {
    private let store: TenantStore
    /// nil where the operator has set no key.
    private let vault: SecretVault?

    init(database: any DatabaseDriver, time: any TimeSource, vault: SecretVault?) {
        store = TenantStore(database: database, time: time)
        self.vault = vault
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let (collection, one) = ("/v1/organizations/secrets", "/v1/organizations/secrets/{secret_name}")
        routes.add(
            .post, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.create
        ) { request, caller throws(Failure) in try await create(request, caller) }
        routes.add(
            .get, collection, to: &router, needs: .read, category: .metadata, describedBy: Descriptions.list
        ) { _, caller throws(Failure) in try list(caller) }
        routes.add(.put, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.update) {
            request, caller throws(Failure) in try await update(request, caller)
        }
        routes.add(.delete, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.delete) {
            request, caller throws(Failure) in try await delete(request, caller)
        }
    }

    private func openVault() throws(Failure) -> SecretVault {
        guard let vault else {
            throw Failure(
                .notEnabled, "The operator has set no key for secrets here.", details: ["retryable": false])
        }
        return vault
    }

    private func create(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let vault = try openVault()
        var fields = FieldReader(try await request.jsonObject())
        let name = fields.pathName("secret_name", length: SecretLimits.nameLength) ?? ""
        fields.require("secret_name")
        let value = Self.value(&fields)
        try fields.finish()
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let secret = vault.seal(value, named: name, of: trail.organization)
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard try transaction.secrets.names(trail.organization).count < SecretLimits.secrets else {
                return .failure(
                    Failure(.conflict, "The organization has \(SecretLimits.secrets) secrets; delete one first."))
            }
            guard try transaction.secrets.insert(secret, now: trail.at) else {
                return .failure(
                    Failure(.alreadyExists, "The organization has a secret of the name \"\(name)\" already."))
            }
            try trail.record("secret_created", "secret", name, in: transaction)
            return .success(())
        }
        return Self.answer(name, "created")
    }

    private func list(_ caller: Caller) throws(Failure) -> Response {
        let organization = caller.organization.internalID
        let names = try store.read { transaction throws(DatabaseError) in try transaction.secrets.names(organization) }
        return Response(
            json: ["secrets": .array(names.map(JSONValue.string)), "count": .integer(Int64(names.count))])
    }

    private func update(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let vault = try openVault()
        var fields = FieldReader(try await request.jsonObject())
        let value = Self.value(&fields)
        try fields.finish()
        let name = Self.name(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let secret = vault.seal(value, named: name, of: trail.organization)
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard try transaction.secrets.update(secret, now: trail.at) else { return .failure(.noSecret(name)) }
            try trail.record("secret_updated", "secret", name, in: transaction)
            return .success(())
        }
        return Self.answer(name, "updated")
    }

    private func delete(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let name = Self.name(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            let credentials = try transaction.organizations.find(trail.organization)?.defaultLLMCredentials ?? [:]
            let users = credentials.filter { $0.value == ExactString(name) }.keys.sorted().map(\.text)
            guard users.isEmpty else {
                return .failure(
                    Failure(
                        .conflict,
                        "default_llm_credentials uses this secret for \(users.joined(separator: ", ")); "
                            + "change that first."))
            }
            guard try transaction.secrets.delete(trail.organization, name: name) else {
                return .failure(.noSecret(name))
            }
            try trail.record("secret_deleted", "secret", name, in: transaction)
            return .success(())
        }
        return Self.answer(name, "deleted")
    }

    private static func value(_ fields: inout FieldReader) -> String {
        let value = fields.anyText("secret_value", length: SecretLimits.valueLength)
        fields.require("secret_value")
        return value ?? ""
    }

    private static func name(_ request: Request) -> String { request.parameters["secret_name"] ?? "" }

    private static func answer(_ name: String, _ done: String) -> Response {
        var object: JSONObject = ["secret_name": .string(name), "created": nil, "updated": nil, "deleted": nil]
        object[done] = true
        return Response(json: .object(object))
    }
}

extension Failure {
    fileprivate static func noSecret(_ name: String) -> Failure {
        Failure(.notFound, "The organization has no secret \"\(name.clipped(to: 100))\".")
    }
}

enum SecretLimits {
    static let nameLength = 1...100
    static let valueLength = 1...16_384
    /// Of one organization.
    static let secrets = 100
}

extension SecretEndpoints {
    enum Descriptions {
        private static let tag = "Secret"
        private static let name = EndpointDescription.Parameter(
            "secret_name", .text(SecretLimits.nameLength), "The secret's name.")
        private static let value = Schema.matching(#"^[^\u0000]*$"#, length: SecretLimits.valueLength)
        private static let answer = Schema.named(
            "Secret",
            .answer([
                ("secret_name", .string), ("created", Schema.boolean.nullable), ("updated", Schema.boolean.nullable),
                ("deleted", Schema.boolean.nullable),
            ]))

        static let create = EndpointDescription(
            "create_secret_organizations", tag: tag, "Keep a secret. Its value is sealed and never shown.",
            answer: answer
        )
        .taking(
            .named(
                "CreateSecretRequest",
                .request(
                    [("secret_name", .pathName(SecretLimits.nameLength)), ("secret_value", value)],
                    required: ["secret_name", "secret_value"]))
        )
        .failing(.alreadyExists, .conflict, .notEnabled)

        static let list = EndpointDescription(
            "list_secrets_organizations", tag: tag, "List the names of the secrets.",
            answer: .named(
                "SecretList", .answer([("secrets", .array(.string)), ("count", .integer(0...Int64.max))])))

        static let update = EndpointDescription(
            "update_secret_organizations_name", tag: tag, "Replace a secret's value.", answer: answer
        )
        .at(name)
        .taking(.named("UpdateSecretRequest", .request([("secret_value", value)], required: ["secret_value"])))
        .failing(.notEnabled)

        static let delete = EndpointDescription(
            "delete_secret_organizations_name", tag: tag, "Delete a secret that nothing uses.", answer: answer
        ).at(name).failing(.conflict)
    }
}
