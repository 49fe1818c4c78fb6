package import Domain

/// An upload that was admitted without the scan that its organization's gate asks for.
package struct UnscannedUpload: Hashable, Sendable {
    /// Where its content is kept under.
    package let organization: OrganizationID
    package let record: UploadRecord
}

extension UploadStore {
    /// Organizations that one reading of the debt looks at.
    private static let maximumOrganizations = 256

    /// The oldest unscanned uploads of the given types: one of each organization that has any, then a second of each,
    /// and so on, so that nobody waits behind a tenant with a long debt.
    package func unscannedDebt(
        types: Set<MediaType>, limit: Int
    ) throws(DatabaseError) -> [UnscannedUpload] {
        guard limit > 0 else { return [] }
        var queues: [[UnscannedUpload]] = []
        let organizations = try organizationsInDebt(types)
        let share = (limit + max(1, organizations.count) - 1) / max(1, organizations.count)
        for organization in organizations {
            queues.append(try oldestUnscanned(of: organization, types, limit: share))
        }
        queues.sort {
            ($0.first?.record.createdAt.milliseconds ?? .max) < ($1.first?.record.createdAt.milliseconds ?? .max)
        }
        var debt: [UnscannedUpload] = []
        for turn in 0..<share {
            for queue in queues where turn < queue.count && debt.count < limit { debt.append(queue[turn]) }
        }
        return debt
    }

    /// Jumps from organization to organization in the debt's index, whose length it thereby does not depend on.
    private func organizationsInDebt(_ types: Set<MediaType>) throws(DatabaseError) -> [InternalID] {
        let wanted = Self.quoted(types)
        guard !wanted.isEmpty else { return [] }
        var found: [InternalID] = []
        while found.count < Self.maximumOrganizations {
            let next = try transaction.first(
                """
                SELECT u.organization FROM uploads u JOIN organizations o ON o.internal_id = u.organization
                WHERE u.scan_state = 'unscanned' AND u.status = 'COMPLETED' AND u.organization > ?1
                AND u.media_type IN (\(wanted)) AND o.deleted_at IS NULL
                ORDER BY u.organization LIMIT 1
                """, [.init(found.last?.rawValue ?? "")]
            ) { row throws(DatabaseError) in try row.value(InternalID.self) }
            guard let next else { break }
            found.append(next)
        }
        return found
    }

    private func oldestUnscanned(
        of organization: InternalID, _ types: Set<MediaType>, limit: Int
    ) throws(DatabaseError) -> [UnscannedUpload] {
        var uploads: [UnscannedUpload] = []
        // One type at a time, because only then the index gives them by age.
        for type in types {
            uploads += try transaction.query(
                """
                SELECT o.id, \(Self.columns) FROM uploads u JOIN organizations o ON o.internal_id = u.organization
                WHERE u.scan_state = 'unscanned' AND u.status = 'COMPLETED' AND u.organization = ?1
                AND u.media_type = ?2 ORDER BY u.created_at, u.id LIMIT ?3
                """, [.init(organization), .init(type), .init(limit)]
            ) { row throws(DatabaseError) in
                UnscannedUpload(organization: try row.value(), record: try Self.decode(&row))
            }
        }
        uploads.sort { ($0.record.createdAt, $0.record.id.rawValue) < ($1.record.createdAt, $1.record.id.rawValue) }
        return Array(uploads.prefix(limit))
    }

    private static func quoted(_ types: Set<MediaType>) -> String {
        types.map(\.rawValue).sorted().map { "'\($0)'" }.joined(separator: ", ")
    }

    /// How many uploads of an organization, or of all, are unscanned, whatever their type.
    package func unscannedCount(_ organization: InternalID? = nil) throws(DatabaseError) -> Int {
        let condition = organization == nil ? "" : " AND organization = ?1"
        return Int(
            try transaction.count(
                """
                SELECT COUNT(*) FROM uploads WHERE scan_state = 'unscanned' AND status = 'COMPLETED'\(condition)
                AND organization NOT IN (SELECT internal_id FROM organizations WHERE deleted_at IS NOT NULL)
                """,
                organization.map { [.init($0)] } ?? []))
    }

    /// How many uploads of each organization are unscanned, the largest debt first, at most `limit` organizations.
    package func unscannedCounts(
        limit: Int = 100
    ) throws(DatabaseError) -> [(organization: OrganizationID, count: Int)] {
        try transaction.query(
            """
            SELECT o.id, COUNT(*) FROM uploads u JOIN organizations o ON o.internal_id = u.organization
            WHERE u.scan_state = 'unscanned' AND u.status = 'COMPLETED'
            GROUP BY o.id ORDER BY COUNT(*) DESC, o.id LIMIT ?1
            """, [.init(limit)]
        ) { row throws(DatabaseError) in (try row.value(OrganizationID.self), try row.int()) }
    }
}
