package import Domain

/// The users of the organizations. An email address is unique within its organization, compared as it is.
package struct UserStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static let columns =
        "id, organization, email, name, role, status, avatar_url, metadata, created_at, updated_at"

    private static func decode(_ row: inout Row) throws(DatabaseError) -> User {
        User(
            id: try row.value(), organization: try row.value(), email: try row.text(), name: try row.text(),
            role: try row.value(), status: try row.value(), avatarURL: try row.optionalText(),
            metadata: try row.object(), createdAt: try row.timestamp(), updatedAt: try row.timestamp())
    }

    /// - Returns: false where the organization has a user of this email address already.
    package func insert(_ user: User) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            INSERT INTO users (\(Self.columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT (organization, email) DO NOTHING
            """,
            [
                .init(user.id), .init(user.organization), .init(user.email), .init(user.name), .init(user.role),
                .init(user.status), .init(user.avatarURL), .init(user.metadata), .init(user.createdAt),
                .init(user.updatedAt),
            ]) == 1
    }

    package func find(_ organization: InternalID, email: String) throws(DatabaseError) -> User? {
        try transaction.first(
            "SELECT \(Self.columns) FROM users WHERE organization = ?1 AND email = ?2",
            [.init(organization), .init(email)], Self.decode)
    }

    package func find(_ organization: InternalID, id: UserID) throws(DatabaseError) -> User? {
        try transaction.first(
            "SELECT \(Self.columns) FROM users WHERE organization = ?1 AND id = ?2",
            [.init(organization), .init(id)], Self.decode)
    }

    /// Newest first.
    package func list(
        _ organization: InternalID, after cursor: PageCursor? = nil, limit: Int = 100
    ) throws(DatabaseError) -> Page<User> {
        let limit = Page<User>.clamped(limit)
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM users WHERE organization = ?1 AND (created_at, id) < (?2, ?3)
            ORDER BY created_at DESC, id DESC LIMIT ?4
            """,
            [
                .init(organization), .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""),
                .init(limit + 1),
            ], Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.createdAt, id: $0.id.rawValue) }
    }

    /// What a list of users shows of them; nil shows all.
    package struct Filter: Sendable {
        package var role: UserRole?
        package var status: UserStatus?

        package init(role: UserRole? = nil, status: UserStatus? = nil) {
            self.role = role
            self.status = status
        }

        // One statement for all filters: the users of an organization are few.
        fileprivate static let condition =
            "organization = ?1 AND (?2 IS NULL OR role = ?2) AND (?3 IS NULL OR status = ?3)"
    }

    /// Newest first, without the first `skip` of them.
    package func list(
        _ organization: InternalID, filter: Filter, skip: Int, limit: Int
    ) throws(DatabaseError) -> [User] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM users WHERE \(Filter.condition)
            ORDER BY created_at DESC, id DESC LIMIT ?4 OFFSET ?5
            """,
            [
                .init(organization), .init(filter.role), .init(filter.status),
                .init(Page<User>.clamped(limit)), .init(skip),
            ], Self.decode)
    }

    package func count(_ organization: InternalID, filter: Filter = Filter()) throws(DatabaseError) -> Int {
        Int(
            try transaction.count(
                "SELECT COUNT(*) FROM users WHERE \(Filter.condition)",
                [.init(organization), .init(filter.role), .init(filter.status)]))
    }

    /// Reads the user, lets `change` alter it, and writes it back. Sets `updatedAt`.
    /// - Returns: the user before and after, nil without such a user.
    package func update(
        _ organization: InternalID, email: String, now: Timestamp, _ change: (inout User) -> Void
    ) throws(DatabaseError) -> (before: User, after: User)? {
        // Locks the row where the driver has row locks, so that the read that follows stays true.
        try transaction.execute(
            "UPDATE users SET updated_at = updated_at WHERE organization = ?1 AND email = ?2",
            [.init(organization), .init(email)])
        guard let before = try find(organization, email: email) else { return nil }
        var after = before
        change(&after)
        after.updatedAt = now
        try transaction.execute(
            """
            UPDATE users SET name = ?2, role = ?3, status = ?4, avatar_url = ?5, metadata = ?6, updated_at = ?7
            WHERE id = ?1
            """,
            [
                .init(after.id), .init(after.name), .init(after.role), .init(after.status), .init(after.avatarURL),
                .init(after.metadata), .init(after.updatedAt),
            ])
        return (before, after)
    }

    /// Deletes the user and with it every key of the user.
    /// - Returns: the user as it was, nil without such a user.
    package func delete(_ organization: InternalID, email: String) throws(DatabaseError) -> User? {
        try transaction.first(
            "DELETE FROM users WHERE organization = ?1 AND email = ?2 RETURNING \(Self.columns)",
            [.init(organization), .init(email)], Self.decode)
    }
}

extension Transaction {
    package var users: UserStore { UserStore(self) }
}
