package import Domain

/// An outage of the classifier as an organization's uploads met it.
package struct GateOutage: Hashable, Sendable {
    package let organization: InternalID
    package let startedAt: Timestamp
    package let lastAt: Timestamp
    /// Uploads admitted unscanned.
    package let unscanned: Int64
    /// Uploads refused.
    package let refused: Int64
    /// When the organization was told that it began.
    package let toldAt: Timestamp?
}

/// What outages did to the organizations' uploads, on each node, until they are over.
package struct OutageStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// Counts an upload that the classifier was not there for. Uploads that it was there for cost nothing.
    package func note(_ record: UploadRecord, node: String, at now: Timestamp) throws(DatabaseError) {
        guard record.receipt.reason == .classifierUnavailable, try transaction.alerts.hasReader(record.organization)
        else { return }
        let isAdmitted = record.status == .completed
        try transaction.execute(
            """
            INSERT INTO gate_outages (organization, node, started_at, last_at, unscanned, refused)
            VALUES (?1, ?2, ?3, ?3, ?4, ?5)
            ON CONFLICT (organization, node) DO UPDATE SET last_at = excluded.last_at,
            unscanned = gate_outages.unscanned + excluded.unscanned, refused = gate_outages.refused + excluded.refused
            """,
            [
                .init(record.organization), .init(node), .init(now), .init(isAdmitted), .init(!isAdmitted),
            ])
    }

    package func open(ofNode node: String) throws(DatabaseError) -> [GateOutage] {
        try transaction.query(
            """
            SELECT organization, started_at, last_at, unscanned, refused, told_at FROM gate_outages WHERE node = ?1
            """, [.init(node)]
        ) { row throws(DatabaseError) in
            GateOutage(
                organization: try row.value(), startedAt: try row.timestamp(), lastAt: try row.timestamp(),
                unscanned: try row.integer(), refused: try row.integer(), toldAt: try row.optionalTimestamp())
        }
    }

    /// Tells that an outage lasts.
    /// - Parameter since: when the classifier was first seen away; the organization's first upload may have met it
    ///   before, or long after.
    package func tell(
        _ outage: GateOutage, since: Timestamp?, node: String, at now: Timestamp
    ) throws(DatabaseError) {
        let start = min(outage.startedAt, since ?? outage.startedAt)
        let isFirst = try transaction.execute(
            """
            UPDATE gate_outages SET told_at = ?3, started_at = ?4
            WHERE organization = ?1 AND node = ?2 AND told_at IS NULL
            """, [.init(outage.organization), .init(node), .init(now), .init(start)])
        guard isFirst == 1 else { return }
        try alert(.gateOutage, outage, from: start, to: outage.lastAt, node: node, at: now)
    }

    /// Ends an outage, and tells that where it was told of. What came since it was read goes on as it is.
    /// - Parameters:
    ///   - since: when the classifier was first seen away, where that is known.
    ///   - until: when it was back.
    /// - Returns: how many alerts of its beginning waited for their mail still; they are gone, since its end says more.
    package func end(
        _ outage: GateOutage, since: Timestamp?, until: Timestamp, node: String, at now: Timestamp
    ) throws(DatabaseError) -> Int {
        let ended = try transaction.execute(
            "DELETE FROM gate_outages WHERE organization = ?1 AND node = ?2 AND last_at = ?3",
            [.init(outage.organization), .init(node), .init(outage.lastAt)])
        guard ended == 1, let toldAt = outage.toldAt else { return 0 }
        let takenBack = try transaction.execute(
            "DELETE FROM alerts WHERE organization = ?1 AND kind = ?2 AND subject = ?3 AND created_at = ?4",
            [.init(outage.organization), .init(AlertKind.gateOutage), .init(node), .init(toldAt)])
        let start = min(outage.startedAt, since ?? outage.startedAt)
        try alert(.gateRecovered, outage, from: start, to: until, node: node, at: now)
        return takenBack
    }

    /// The alert is about the node, whose name its mail does not say.
    private func alert(
        _ kind: AlertKind, _ outage: GateOutage, from start: Timestamp, to end: Timestamp, node: String,
        at now: Timestamp
    ) throws(DatabaseError) {
        try transaction.alerts.insert(
            kind,
            Alert(
                subject: node, at: now,
                data: [
                    "started_at": JSONValue(start), "ended_at": JSONValue(end),
                    "admitted_unscanned": .integer(outage.unscanned), "refused": .integer(outage.refused),
                ]), of: outage.organization)
    }
}

extension Transaction {
    package var outages: OutageStore { OutageStore(self) }
}
