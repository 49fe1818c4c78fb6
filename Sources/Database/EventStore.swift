internal import Crypto
package import Domain

/// What happened to the organizations, for whoever is to be told. An event is written by the transaction that makes it
/// true, so that neither is there without the other; where nobody listens, nothing is written.
package struct EventStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// In the order in which `decode` takes them; the tables are called `e` and `o`.
    static let columns = "e.id, e.sequence, e.organization, o.id, e.kind, e.subject, e.created_at, e.data"

    static func decode(_ row: inout Row) throws(DatabaseError) -> Event {
        Event(
            id: try row.value(), sequence: try row.integer(), organization: try row.value(),
            organizationID: try row.value(), kind: try row.value(), subject: try row.text(),
            createdAt: try row.timestamp(), data: try row.object())
    }

    /// Whether anybody is told of events of this kind.
    package func hasAudience(_ kind: EventKind, of organization: InternalID) throws(DatabaseError) -> Bool {
        try !EventAudience.read(kind, of: organization, in: transaction).isEmpty
    }

    /// Notes that something happened, for everybody who listens. An organization that was deleted is told nothing.
    ///
    /// - Parameters:
    ///   - subject: what it is about, by its public identifier. Events about the same subject are told in order.
    ///   - data: what the API shows of it; asked for only where somebody listens.
    /// - Returns: nil where nobody does.
    @discardableResult
    package func emit(
        _ kind: EventKind, about subject: String, of organization: InternalID, at now: Timestamp,
        data: (OrganizationID) throws(DatabaseError) -> JSONObject
    ) throws(DatabaseError) -> EventID? {
        let audience = try EventAudience.read(kind, of: organization, in: transaction)
        guard !audience.isEmpty,
            let publicID = try transaction.first(
                "SELECT id FROM organizations WHERE internal_id = ?1 AND deleted_at IS NULL", [.init(organization)],
                { row throws(DatabaseError) in try row.value(OrganizationID.self) })
        else { return nil }
        let data = try data(publicID)
        if audience.hasReader, let alert = AlertKind(kind, data) {
            try transaction.alerts.insert(
                alert, Alert(subject: subject, at: now, data: Self.described(data)), of: organization)
        }
        guard !audience.webhooks.isEmpty else { return nil }
        let id = RandomID.eventID()
        let sequence = try transaction.first(
            """
            INSERT INTO events (id, organization, kind, subject, created_at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            RETURNING sequence
            """,
            [
                .init(id), .init(organization), .init(kind), .init(subject), .init(now), .init(data),
            ]
        ) { row throws(DatabaseError) in try row.integer() }
        guard let sequence else { throw .invalidRow("the event \(id) has no place in the order of events") }
        for webhook in audience.webhooks {
            try transaction.deliveries.insert(
                of: sequence, about: subject, to: webhook, of: organization, at: now)
        }
        return id
    }

    /// What a mail says of an event: nothing of an upload but that it is the one.
    private static func described(_ data: JSONObject) -> JSONObject { data["upload"] == nil ? data : [:] }

    /// Notes what became of an upload. `data` is `upload`, as `GET /v1/uploads/{id}` shows it.
    package func emit(_ kind: EventKind, _ record: UploadRecord, at now: Timestamp) throws(DatabaseError) {
        try emit(kind, about: record.id.rawValue, of: record.organization, at: now) { id throws(DatabaseError) in
            ["upload": record.presentation(organization: id)]
        }
    }

    package func find(_ id: EventID) throws(DatabaseError) -> Event? {
        try transaction.first(
            """
            SELECT \(Self.columns) FROM events e JOIN organizations o ON o.internal_id = e.organization WHERE e.id = ?1
            """, [.init(id)], Self.decode)
    }

    /// Forgets events that happened before `moment` and that nobody waits for, the oldest first, at most `limit` of them.
    /// - Returns: how many.
    @discardableResult
    package func purge(before moment: Timestamp, limit: Int = 1_000) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            DELETE FROM events WHERE sequence IN (
                SELECT e.sequence FROM events e WHERE e.created_at < ?1
                AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_sequence = e.sequence)
                ORDER BY e.created_at LIMIT ?2)
            """, [.init(moment), .init(limit)])
    }
}

extension Transaction {
    package var events: EventStore { EventStore(self) }
}
