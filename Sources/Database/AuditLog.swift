package import Domain

/// Who changed what, with before and after.
package struct AuditEvent: Hashable, Sendable {
    /// `aud_` + 20 characters.
    package let id: String
    package let organization: InternalID
    package let at: Timestamp
    /// A key's id, `operator` or `system`.
    package let actor: String
    /// What was done, such as `organization_updated`.
    package let action: String
    /// To what kind of thing, such as `upload`, and to which.
    package let resourceType: String
    package let resourceID: String
    package let before: JSONObject?
    package let after: JSONObject?
    package let requestID: String?
    package let origin: AuditOrigin?
    /// Who that was, since key and user may be gone later, or already. Where the one who acted does not say, the log
    /// looks it up when the event is entered.
    package private(set) var actorEmail: String?
    package private(set) var actorKeyName: String?

    package init(
        id: String, organization: InternalID, at: Timestamp, actor: String, action: String, resourceType: String,
        resourceID: String, before: JSONObject? = nil, after: JSONObject? = nil, requestID: String? = nil,
        origin: AuditOrigin? = nil
    ) {
        self.id = id
        self.organization = organization
        self.at = at
        self.actor = actor
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.before = before
        self.after = after
        self.requestID = requestID
        self.origin = origin
    }

    package func naming(email: String?, keyName: String?) -> AuditEvent {
        var event = self
        event.actorEmail = email
        event.actorKeyName = keyName
        return event
    }
}

/// Where a change came from, as far as the request tells.
package struct AuditOrigin: Hashable, Sendable {
    package var address: String
    package var userAgent: String?
    /// Why, in the caller's own words.
    package var reason: String?

    package init(address: String, userAgent: String? = nil, reason: String? = nil) {
        self.address = address
        self.userAgent = userAgent
        self.reason = reason
    }
}

/// What a list of events shows of them; nil shows all.
package struct AuditFilter: Hashable, Sendable {
    package var resourceType: String?
    package var resourceID: String?
    package var actor: String?
    package var action: String?
    /// From `start` (inclusive) to `end` (exclusive).
    package var start: Timestamp?
    package var end: Timestamp?

    package init() {}

    // One statement for all filters; organization and time narrow it by the index.
    fileprivate static let condition = """
        organization = ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR resource_type = ?4) \
        AND (?5 IS NULL OR resource_id = ?5) AND (?6 IS NULL OR actor = ?6) AND (?7 IS NULL OR action = ?7)
        """

    fileprivate func parameters(_ organization: InternalID) -> [SQLValue] {
        [
            .init(organization), .init(start?.milliseconds ?? .min), .init(end?.milliseconds ?? .max),
            .init(resourceType), .init(resourceID), .init(actor), .init(action),
        ]
    }
}

/// The audit events; they are only ever added.
package struct AuditLog {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static let columns = """
        id, organization, at, actor, action, resource_type, resource_id, before, after, request_id, \
        ip_address, user_agent, reason, actor_email, actor_key_name
        """

    private static func decode(_ row: inout Row) throws(DatabaseError) -> AuditEvent {
        let event = AuditEvent(
            id: try row.text(), organization: try row.value(), at: try row.timestamp(), actor: try row.text(),
            action: try row.text(), resourceType: try row.text(), resourceID: try row.text(),
            before: try row.optionalObject(), after: try row.optionalObject(), requestID: try row.optionalText(),
            origin: try decodeOrigin(&row))
        return event.naming(email: try row.optionalText(), keyName: try row.optionalText())
    }

    private static func decodeOrigin(_ row: inout Row) throws(DatabaseError) -> AuditOrigin? {
        let (address, agent, reason) = (try row.optionalText(), try row.optionalText(), try row.optionalText())
        return address.map { AuditOrigin(address: $0, userAgent: agent, reason: reason) }
    }

    package func insert(_ event: AuditEvent) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO audit_events (\(Self.columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
            COALESCE(?14, (SELECT u.email FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.id = ?4)),
            COALESCE(?15, (SELECT k.name FROM api_keys k WHERE k.id = ?4)))
            """,
            [
                .init(event.id), .init(event.organization), .init(event.at), .init(event.actor), .init(event.action),
                .init(event.resourceType), .init(event.resourceID), .init(event.before), .init(event.after),
                .init(event.requestID), .init(event.origin?.address), .init(event.origin?.userAgent),
                .init(event.origin?.reason), .init(event.actorEmail), .init(event.actorKeyName),
            ])
    }

    package func find(_ organization: InternalID, id: String) throws(DatabaseError) -> AuditEvent? {
        try transaction.first(
            "SELECT \(Self.columns) FROM audit_events WHERE organization = ?1 AND id = ?2",
            [.init(organization), .init(id)], Self.decode)
    }

    /// Newest first.
    package func list(
        _ organization: InternalID, after cursor: PageCursor? = nil, limit: Int = 100
    ) throws(DatabaseError) -> Page<AuditEvent> {
        let limit = Page<AuditEvent>.clamped(limit)
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM audit_events WHERE organization = ?1 AND (at, id) < (?2, ?3)
            ORDER BY at DESC, id DESC LIMIT ?4
            """,
            [
                .init(organization), .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""),
                .init(limit + 1),
            ], Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.at, id: $0.id) }
    }
}

extension AuditLog {
    /// Newest first, without the first `skip` of them.
    package func list(
        _ organization: InternalID, filter: AuditFilter, skip: Int, limit: Int
    ) throws(DatabaseError) -> [AuditEvent] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM audit_events WHERE \(AuditFilter.condition)
            ORDER BY at DESC, id DESC LIMIT ?8 OFFSET ?9
            """, filter.parameters(organization) + [.init(Page<AuditEvent>.clamped(limit)), .init(skip)], Self.decode)
    }

    package func count(_ organization: InternalID, filter: AuditFilter) throws(DatabaseError) -> Int {
        Int(
            try transaction.count(
                "SELECT COUNT(*) FROM audit_events WHERE \(AuditFilter.condition)", filter.parameters(organization)))
    }
}

extension Transaction {
    package var audit: AuditLog { AuditLog(self) }
}
