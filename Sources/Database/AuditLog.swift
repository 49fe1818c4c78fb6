package import Domain

/// Who changed what, with before and after.
package struct AuditEvent: Hashable, Sendable {
    /// `aud_` + 16 characters.
    package let id: String
    package let organization: InternalID
    package let at: Timestamp
    /// A key's id, `operator` or `system`.
    package let actor: String
    /// What was done, such as `organization.updated`.
    package let action: String
    /// To what kind of thing, such as `upload`, and to which.
    package let resourceType: String
    package let resourceID: String
    package let before: JSONObject?
    package let after: JSONObject?
    package let requestID: String?

    package init(
        id: String, organization: InternalID, at: Timestamp, actor: String, action: String, resourceType: String,
        resourceID: String, before: JSONObject? = nil, after: JSONObject? = nil, requestID: String? = nil
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
    }
}

/// The audit events; they are only ever added.
package struct AuditLog {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static let columns =
        "id, organization, at, actor, action, resource_type, resource_id, before, after, request_id"

    private static func decode(_ row: inout Row) throws(DatabaseError) -> AuditEvent {
        AuditEvent(
            id: try row.text(), organization: try row.value(), at: try row.timestamp(), actor: try row.text(),
            action: try row.text(), resourceType: try row.text(), resourceID: try row.text(),
            before: try row.optionalObject(), after: try row.optionalObject(), requestID: try row.optionalText())
    }

    package func insert(_ event: AuditEvent) throws(DatabaseError) {
        try transaction.execute(
            "INSERT INTO audit_events (\(Self.columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            [
                .init(event.id), .init(event.organization), .init(event.at), .init(event.actor), .init(event.action),
                .init(event.resourceType), .init(event.resourceID), .init(event.before), .init(event.after),
                .init(event.requestID),
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

extension Transaction {
    package var audit: AuditLog { AuditLog(self) }
}
