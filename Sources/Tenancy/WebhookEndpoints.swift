import Crypto
import Database
import Domain
import Endpoints
import HTTP
import Transfer

/// Where an organization's events are sent, and how that went.
struct WebhookEndpoints: Sendable {
    private let store: TenantStore
    /// nil where the operator has set no key.
    private let vault: WebhookVault?
    private let rules: TargetRules

    init(database: any DatabaseDriver, time: any TimeSource, vault: WebhookVault?, rules: TargetRules) {
        store = TenantStore(database: database, time: time)
        self.vault = vault
        self.rules = rules
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let collection = "/v1/organizations/webhooks"
        let one = collection + "/{identifier}"
        routes.add(
            .post, collection, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.create
        ) { request, caller throws(Failure) in try await create(request, caller) }
        routes.add(
            .post, collection + "/list", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try await list(request, caller) }
        routes.add(.get, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.get) {
            request, caller throws(Failure) in
            Response(json: .object(try find(request, caller).presentation()))
        }
        routes.add(.put, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.update) {
            request, caller throws(Failure) in try await update(request, caller)
        }
        routes.add(.delete, one, to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.delete) {
            request, caller throws(Failure) in try await delete(request, caller)
        }
        routes.add(
            .post, one + "/rotate-secret", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.rotate
        ) { request, caller throws(Failure) in try await rotate(request, caller) }
        routes.add(
            .get, one + "/deliveries", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.deliveries
        ) { request, caller throws(Failure) in try deliveries(request, caller) }
        routes.add(
            .post, one + "/deliveries/{delivery_id}/redeliver", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.redeliver
        ) { request, caller throws(Failure) in try await redeliver(request, caller) }
    }

    private func openVault() throws(Failure) -> WebhookVault {
        guard let vault else {
            throw Failure(
                .notEnabled, "The operator has set no key for secrets here, and deliveries are signed.",
                details: ["retryable": false])
        }
        return vault
    }

    private static func identifier(_ request: Request) -> String { request.parameters["identifier"] ?? "" }

    private func find(_ request: Request, _ caller: Caller) throws(Failure) -> Webhook {
        let identifier = Self.identifier(request)
        let webhook = try store.read { transaction throws(DatabaseError) in
            try transaction.webhooks.find(caller.organization.internalID, identifier)
        }
        guard let webhook else { throw .noWebhook(identifier) }
        return webhook
    }

    private func create(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let vault = try openVault()
        var fields = FieldReader(try await request.jsonObject())
        let draft = WebhookDraft(reading: &fields, rules: rules, isNew: true)
        try fields.finish()
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let (webhook, secret) = draft.webhook(of: trail.organization, vault: vault, now: trail.at)
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            let others = try transaction.webhooks.list(trail.organization)
            guard others.count < WebhookLimits.webhooks else {
                return .failure(
                    Failure(.conflict, "The organization has \(WebhookLimits.webhooks) webhooks; delete one first."))
            }
            guard !others.contains(where: { ExactString($0.name) == ExactString(webhook.name) }) else {
                return .failure(.webhookExists(webhook.name))
            }
            try transaction.webhooks.insert(webhook)
            try trail.record(
                "webhook_created", "webhook", webhook.id.rawValue, after: webhook.auditView, in: transaction)
            return .success(())
        }
        return Response(json: .object(webhook.presentation(showing: secret)))
    }

    private func list(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let page = try WebhookPage(reading: &query)
        var fields = FieldReader(try await request.jsonObject(emptyMeans: [:]))
        let type = fields.string("event_type", length: 1...100)
        let isActive = fields.bool("is_active")
        try fields.finish()
        let all = try store.read { transaction throws(DatabaseError) in
            try transaction.webhooks.list(caller.organization.internalID)
        }
        let found = all.filter { webhook in
            (type.map { webhook.eventTypes.contains($0) } ?? true)
                && (isActive.map { webhook.isActive == $0 } ?? true)
        }
        return Response(json: page.answer(found.map { $0.presentation() }))
    }

    private func update(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let vault = try openVault()
        // What is not there is not found, whatever the body says.
        _ = try find(request, caller)
        var fields = FieldReader(try await request.jsonObject())
        let draft = WebhookDraft(reading: &fields, rules: rules, isNew: false)
        try fields.finish()
        let identifier = Self.identifier(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let webhook = try await store.write(trail) { transaction throws(DatabaseError) -> Result<Webhook, Failure> in
            guard let before = try transaction.webhooks.find(trail.organization, identifier) else {
                return .failure(.noWebhook(identifier))
            }
            let others = try transaction.webhooks.list(trail.organization)
            guard !others.contains(where: { $0.id != before.id && ExactString($0.name) == ExactString(draft.name) })
            else { return .failure(.webhookExists(draft.name)) }
            let after: Webhook
            do throws(Failure) { after = try draft.applied(to: before, vault: vault, now: trail.at) } catch {
                return .failure(error)
            }
            try transaction.webhooks.update(after)
            if after.isActive { try transaction.deliveries.hasten(after.id, now: trail.at) }
            try trail.record(
                "webhook_updated", "webhook", after.id.rawValue, from: before.auditView, to: after.auditView,
                in: transaction)
            return .success(after)
        }
        return Response(json: .object(webhook.presentation()))
    }

    private func rotate(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let vault = try openVault()
        let identifier = Self.identifier(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let secret = RandomID.webhookSecret()
        let webhook = try await store.write(trail) { transaction throws(DatabaseError) -> Result<Webhook, Failure> in
            guard var webhook = try transaction.webhooks.find(trail.organization, identifier) else {
                return .failure(.noWebhook(identifier))
            }
            guard var secrets = vault.open(webhook) else { return .failure(.unreadableWebhook) }
            secrets.replaceSigning(with: secret, now: trail.at)
            webhook.sealed = vault.seal(secrets, of: webhook.id)
            webhook.keyFingerprint = vault.fingerprint
            webhook.updatedAt = trail.at
            // Why it failed may be gone with the old secret.
            webhook.health.retryAt = nil
            try transaction.webhooks.update(webhook)
            try transaction.deliveries.hasten(webhook.id, now: trail.at)
            try trail.record("webhook_secret_rotated", "webhook", webhook.id.rawValue, in: transaction)
            return .success(webhook)
        }
        return Response(json: .object(webhook.presentation(showing: secret)))
    }

    private func delete(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let identifier = Self.identifier(request)
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        try await store.write(trail) { transaction throws(DatabaseError) -> Result<Void, Failure> in
            guard let webhook = try transaction.webhooks.find(trail.organization, identifier) else {
                return .failure(.noWebhook(identifier))
            }
            try transaction.webhooks.delete(webhook.id)
            try trail.record(
                "webhook_deleted", "webhook", webhook.id.rawValue, before: webhook.auditView, in: transaction)
            return .success(())
        }
        return Response(status: 204)
    }

    private func deliveries(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let status = query.choice("status", of: Delivery.Status.self)
        let limit = query.integer("limit", 1...1_000) ?? 100
        let cursor = query.cursor()
        try query.finish()
        let webhook = try find(request, caller)
        let page = try store.read { transaction throws(DatabaseError) in
            try transaction.deliveries.list(webhook.id, status: status, after: cursor, limit: limit)
        }
        return Response(
            json: [
                "results": .array(page.items.map { .object($0.presentation) }),
                "pagination": [
                    "page_size": .integer(Int64(limit)), "next_cursor": JSONValue(page.next?.encoded),
                ],
            ])
    }

    private func redeliver(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let identifier = Self.identifier(request)
        let id = DeliveryID(rawValue: request.parameters["delivery_id"] ?? "")
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let delivery = try await store.write(trail) { transaction throws(DatabaseError) -> Result<Delivery, Failure> in
            guard let webhook = try transaction.webhooks.find(trail.organization, identifier),
                let before = try transaction.deliveries.find(id, of: webhook.id)
            else { return .failure(.noDelivery(id)) }
            guard before.status != .pending else {
                return .failure(Failure(.conflict, "The delivery is still on its way.", details: ["retryable": true]))
            }
            guard webhook.isActive else {
                return .failure(
                    Failure(.conflict, "The webhook is not active.", details: ["retryable": false]))
            }
            guard let repeated = try transaction.deliveries.repeated(before, at: trail.at) else {
                return .failure(.noDelivery(id))
            }
            try trail.record(
                "webhook_redelivered", "webhook", webhook.id.rawValue,
                after: ["delivery_id": .string(repeated.id.rawValue), "event_id": .string(repeated.event.id.rawValue)],
                in: transaction)
            return .success(repeated)
        }
        return Response(json: .object(delivery.presentation))
    }
}

/// Which of the webhooks a list shows; the official API has several ways of saying it.
private struct WebhookPage {
    private let size: Int
    private let skip: Int

    init(reading query: inout ListQuery) throws(Failure) {
        let limit = query.integer("limit", 1...1_000)
        let size = query.integer("page_size", 1...1_000) ?? limit ?? 100
        self.size = size
        let offset = query.integer("offset", 0...10_000)
        let page = query.integer("page", 1...10_000)
        skip = offset ?? page.map { ($0 - 1) * size } ?? 0
        _ = query.bool("include_total")
        try query.finish()
    }

    /// An organization has so few that all of them were read.
    func answer(_ webhooks: [JSONObject]) -> JSONValue {
        let shown = webhooks.dropFirst(min(skip, webhooks.count)).prefix(size)
        let pages = (webhooks.count + size - 1) / size
        return [
            "results": .array(shown.map(JSONValue.object)),
            "pagination": [
                "total": .integer(Int64(webhooks.count)), "page": .integer(Int64(skip / size + 1)),
                "page_size": .integer(Int64(size)), "total_pages": .integer(Int64(pages)), "next_page": nil,
                "previous_page": nil, "next_cursor": nil,
            ],
            "total": .integer(Int64(webhooks.count)),
        ]
    }
}

extension Failure {
    fileprivate static func noWebhook(_ identifier: String) -> Failure {
        Failure(.notFound, "The organization has no webhook \"\(identifier.clipped(to: 200))\".")
    }

    fileprivate static func noDelivery(_ id: DeliveryID) -> Failure {
        Failure(.notFound, "The webhook has no delivery \"\(id.rawValue.clipped(to: 100))\".")
    }

    fileprivate static func webhookExists(_ name: String) -> Failure {
        Failure(.alreadyExists, "The organization has a webhook of the name \"\(name.clipped(to: 200))\" already.")
    }

    static let unreadableWebhook = Failure(
        .conflict, "The webhook's secrets were sealed with another key of the operator; delete it and create it anew.",
        details: ["retryable": false])
}
