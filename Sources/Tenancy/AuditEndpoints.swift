import Database
import Domain
import Endpoints
import HTTP

/// Who changed what, from what to what.
struct AuditEndpoints: Sendable {
    private let store: TenantStore

    init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let base = "/v1/organizations/audit"
        routes.add(
            .get, base + "/logs", to: &router, needs: .admin, category: .metadata, describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try list(request, caller) }
        routes.add(
            .get, base + "/logs/{audit_id}", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.get
        ) { request, caller throws(Failure) in try get(request, caller) }
        routes.add(
            .get, base + "/settings", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.settings
        ) { _, caller throws(Failure) in
            Self.answer(isEnabled: caller.organization.readAuditingEnabled)
        }
        routes.add(
            .patch, base + "/settings", to: &router, needs: .admin, category: .metadata,
            describedBy: Descriptions.updateSettings
        ) { request, caller throws(Failure) in try await updateSettings(request, caller) }
    }

    private func list(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        var filter = AuditFilter()
        filter.resourceType = query.string("resource_type", length: 1...100)
        filter.resourceID = query.string("resource_id", length: 1...500)
        filter.actor = query.string("actor_id", length: 1...100)
        filter.action = query.string("action", length: 1...100)
        filter.start = query.timestamp("start")
        filter.end = query.timestamp("end")
        let skip = query.integer("skip", 0...1_000_000) ?? 0
        let limit = query.integer("limit", 1...1_000) ?? 100
        try query.finish()
        let (id, wanted) = (caller.organization.internalID, filter)
        let (events, total) = try store.read { transaction throws(DatabaseError) in
            (
                try transaction.audit.list(id, filter: wanted, skip: skip, limit: limit),
                try transaction.audit.count(id, filter: wanted)
            )
        }
        return Response(
            json: [
                "results": .array(events.map(\.presentation)), "total": .integer(Int64(total)),
                "skip": .integer(Int64(skip)), "limit": .integer(Int64(limit)),
            ])
    }

    private func get(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let name = request.parameters["audit_id"] ?? ""
        // The official API has this beside the events.
        guard name != "export" else {
            throw Failure(.notFound, "Audit events are not exported here; list them page by page.")
        }
        let event = try store.read { transaction throws(DatabaseError) in
            try transaction.audit.find(caller.organization.internalID, id: name)
        }
        guard let event else { throw Failure(.notFound, "There is no audit event \"\(name.clipped(to: 100))\".") }
        return Response(json: event.presentation)
    }

    private func updateSettings(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var fields = FieldReader(try await request.jsonObject())
        let wanted = fields.bool("read_auditing_enabled")
        try fields.finish()
        let trail = AuditTrail(request, by: caller, at: store.time.now())
        let isEnabled = try await store.write(trail) { transaction throws(DatabaseError) -> Result<Bool, Failure> in
            let change = try transaction.organizations.update(trail.organization, now: trail.at) {
                if let wanted { $0.readAuditingEnabled = wanted }
            }
            guard let change else { return .failure(.organizationDeleted) }
            try trail.record("organization_updated", before: change.before, after: change.after, in: transaction)
            return .success(change.after.readAuditingEnabled)
        }
        return Self.answer(isEnabled: isEnabled)
    }

    private static func answer(isEnabled: Bool) -> Response {
        Response(json: ["read_auditing_enabled": .bool(isEnabled)])
    }
}

extension AuditEvent {
    fileprivate var presentation: JSONValue {
        let changes: JSONValue =
            before == nil && after == nil ? .null : ["before": JSONValue(before), "after": JSONValue(after)]
        return [
            "audit_id": .string(id), "timestamp": JSONValue(at), "resource_type": .string(resourceType),
            "resource_id": .string(resourceID), "action": .string(action), "actor_id": .string(actor),
            "actor_type": .string(actorType),
            "status": action.hasSuffix("_access_refused") ? "failure" : "success", "changes": changes,
            "reason": JSONValue(origin?.reason), "ip_address": JSONValue(origin?.address),
            "user_agent": JSONValue(origin?.userAgent), "actor_name": nil, "actor_email": JSONValue(actorEmail),
            "actor_key_name": JSONValue(actorKeyName), "request_id": JSONValue(requestID),
        ]
    }

    /// `api_key`, or what the actor itself is called: `operator`, `command_line`, `system`.
    private var actorType: String { actor.hasPrefix("key_") ? "api_key" : actor }
}

extension AuditEndpoints {
    enum Descriptions {
        private static let tag = "Audit"
        private static let event = Schema.named(
            "AuditEvent",
            .answer([
                ("audit_id", .string), ("timestamp", .timestamp), ("resource_type", .string), ("resource_id", .string),
                ("action", .string), ("actor_id", .string), ("actor_type", .string),
                ("status", .choice(["success", "failure"])),
                (
                    "changes",
                    Schema.answer([
                        ("before", Schema.map(.anything).nullable), ("after", Schema.map(.anything).nullable),
                    ]).nullable
                ),
                ("reason", Schema.string.nullable), ("ip_address", Schema.string.nullable),
                ("user_agent", Schema.string.nullable), ("actor_name", Schema.string.nullable),
                ("actor_email", Schema.string.nullable), ("actor_key_name", Schema.string.nullable),
                ("request_id", Schema.string.nullable),
            ]))
        private static let answer = Schema.named("AuditSettings", .answer([("read_auditing_enabled", .boolean)]))

        static let list = EndpointDescription(
            "list_audit_logs_organizations", tag: tag, "List what was done, newest first.",
            answer: .list("AuditEventList", of: event)
        )
        .filtered(by: [
            .init("resource_type", .text(1...100), "What kind of thing it was done to, such as user or api_key."),
            .init("resource_id", .text(1...500), "To which of them."),
            .init("actor_id", .text(1...100), "Who did it: a key's identifier, operator, command_line or system."),
            .init("action", .text(1...100), "What was done, such as user_created."),
            .init("start", .day, "From then on. A moment or a day."), .init("end", .day, "Until before then."), .skip,
            .limit,
        ])

        static let get = EndpointDescription(
            "get_audit_log_organizations", tag: tag, "Read one event.", answer: event
        ).failing(.notFound)

        static let settings = EndpointDescription(
            "get_audit_settings_organizations", tag: tag, "Read what is recorded.", answer: answer)

        static let updateSettings = EndpointDescription(
            "update_audit_settings_organizations", tag: tag, "Set whether reads are recorded, too.", answer: answer
        )
        .taking(.named("AuditSettingsUpdateRequest", .request([("read_auditing_enabled", .boolean)])))
    }
}
