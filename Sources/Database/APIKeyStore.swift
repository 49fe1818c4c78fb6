package import Domain

/// The bearer keys. Only the SHA-256 of a secret is stored. Among the keys of a user that are not revoked, a name is
/// unique.
package struct APIKeyStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static let columns = """
        k.id, k.organization, k.user_id, k.name, k.description, k.hash, k.prefix, k.permissions, \
        k.rate_limit_override, k.expires_at, k.last_used_at, k.created_at, k.created_by, k.revoked_at
        """

    private static func decode(_ row: inout Row) throws(DatabaseError) -> APIKey {
        APIKey(
            id: try row.value(), organization: try row.value(), user: try row.value(), name: try row.text(),
            description: try row.text(), hash: try row.value(), prefix: try row.text(),
            permissions: try decodePermissions(try row.text()),
            rateLimitOverride: try row.optionalInteger().map(Int.init), expiresAt: try row.optionalTimestamp(),
            lastUsedAt: try row.optionalTimestamp(), createdAt: try row.timestamp(),
            createdBy: try row.optionalValue(), revokedAt: try row.optionalTimestamp())
    }

    private static func encode(_ permissions: Set<Permission>) -> String {
        permissions.sorted().map(\.rawValue).joined(separator: ",")
    }

    private static func decodePermissions(_ text: String) throws(DatabaseError) -> Set<Permission> {
        var permissions: Set<Permission> = []
        for name in text.split(separator: ",") {
            guard let permission = Permission(rawValue: String(name)) else {
                throw .invalidRow("a key has the permission \(name)")
            }
            permissions.insert(permission)
        }
        return permissions
    }

    /// - Returns: false where the user has a key of this name that is not revoked, be it expired.
    package func insert(_ key: APIKey) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            INSERT INTO api_keys (id, organization, user_id, name, description, hash, prefix, permissions,
            rate_limit_override, expires_at, last_used_at, created_at, created_by, revoked_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT DO NOTHING
            """,
            [
                .init(key.id), .init(key.organization), .init(key.user), .init(key.name), .init(key.description),
                .init(key.hash), .init(key.prefix), .init(Self.encode(key.permissions)),
                .init(key.rateLimitOverride), .init(key.expiresAt), .init(key.lastUsedAt), .init(key.createdAt),
                .init(key.createdBy), .init(key.revokedAt),
            ]) == 1
    }

    /// Who bears the key with this hash, in one read: every request begins with it. nil where the key is unknown, its
    /// organization was deleted or its user is not active. The key has no more permissions than its user's role. Whether it expired or was revoked is `APIKey.isActive`.
    package func caller(hash: ContentHash) throws(DatabaseError) -> Caller? {
        try transaction.first(
            """
            SELECT \(Self.columns), u.role, u.email, \(Organization.columns) FROM api_keys k
            JOIN organizations o ON o.internal_id = k.organization
            JOIN users u ON u.id = k.user_id
            WHERE k.hash = ?1 AND o.deleted_at IS NULL AND u.status = 'active'
            """, [.init(hash)]
        ) { row throws(DatabaseError) in
            let key = try Self.decode(&row).limited(to: try row.value())
            let email = try row.text()
            return Caller(organization: try Organization.decode(&row), key: key, email: email)
        }
    }

    package func find(_ organization: InternalID, id: KeyID) throws(DatabaseError) -> APIKey? {
        try transaction.first(
            "SELECT \(Self.columns) FROM api_keys k WHERE k.organization = ?1 AND k.id = ?2",
            [.init(organization), .init(id)], Self.decode)
    }

    /// The user's key of this name that is not revoked.
    package func find(_ organization: InternalID, user: UserID, name: String) throws(DatabaseError) -> APIKey? {
        try transaction.first(
            """
            SELECT \(Self.columns) FROM api_keys k
            WHERE k.organization = ?1 AND k.user_id = ?2 AND k.name = ?3 AND k.revoked_at IS NULL
            """, [.init(organization), .init(user), .init(name)], Self.decode)
    }

    /// The keys of the organization or of one of its users, newest first, revoked ones among them if asked.
    package func list(
        _ organization: InternalID, user: UserID? = nil, includingRevoked: Bool = false,
        after cursor: PageCursor? = nil, limit: Int = 100
    ) throws(DatabaseError) -> Page<APIKey> {
        let limit = Page<APIKey>.clamped(limit)
        let rows = try transaction.query(
            """
            SELECT \(Self.columns) FROM api_keys k
            WHERE k.organization = ?1 AND (k.created_at, k.id) < (?2, ?3)
            \(includingRevoked ? "" : "AND k.revoked_at IS NULL") \(user == nil ? "" : "AND k.user_id = ?5")
            ORDER BY k.created_at DESC, k.id DESC LIMIT ?4
            """,
            [
                .init(organization), .init(cursor?.at.milliseconds ?? .max), .init(cursor?.id ?? ""),
                .init(limit + 1),
            ] + (user.map { [.init($0)] } ?? []), Self.decode)
        return Page(rows: rows, limit: limit) { .init(at: $0.createdAt, id: $0.id.rawValue) }
    }

    /// Reads the key, lets `change` alter it, and writes it back; a rotation gives it another hash and prefix.
    /// - Returns: the key before and after; nil without such a key, or where it was revoked.
    package func update(
        _ organization: InternalID, id: KeyID, _ change: (inout APIKey) -> Void
    ) throws(DatabaseError) -> (before: APIKey, after: APIKey)? {
        // Locks the row where the driver has row locks, so that the read that follows stays true.
        let found = try transaction.execute(
            """
            UPDATE api_keys SET name = name WHERE organization = ?1 AND id = ?2 AND revoked_at IS NULL
            """, [.init(organization), .init(id)])
        guard found == 1, let before = try find(organization, id: id) else { return nil }
        var after = before
        change(&after)
        try transaction.execute(
            """
            UPDATE api_keys SET name = ?2, description = ?3, hash = ?4, prefix = ?5, permissions = ?6,
            rate_limit_override = ?7, expires_at = ?8, last_used_at = ?9, created_by = ?10, revoked_at = ?11
            WHERE id = ?1
            """,
            [
                .init(after.id), .init(after.name), .init(after.description), .init(after.hash), .init(after.prefix),
                .init(Self.encode(after.permissions)), .init(after.rateLimitOverride), .init(after.expiresAt),
                .init(after.lastUsedAt), .init(after.createdBy), .init(after.revokedAt),
            ])
        return (before, after)
    }

    /// - Returns: false without such a key, or where it was revoked before.
    package func revoke(_ organization: InternalID, id: KeyID, now: Timestamp) throws(DatabaseError) -> Bool {
        try transaction.execute(
            "UPDATE api_keys SET revoked_at = ?3 WHERE organization = ?1 AND id = ?2 AND revoked_at IS NULL",
            [.init(organization), .init(id), .init(now)]) == 1
    }

    /// Revokes every key of a user.
    /// - Returns: those that were not revoked before, as they were.
    package func revokeAll(
        of user: UserID, in organization: InternalID, now: Timestamp
    ) throws(DatabaseError) -> [APIKey] {
        try revoke(
            where: "k.organization = ?1 AND k.user_id = ?2", [.init(organization), .init(user)], now: now)
    }

    /// Frees a name for another key of the user where its holder is expired, by revoking that one.
    /// - Returns: the holder as it was; nil where there is none, or a good one.
    package func revokeExpired(
        named name: String, of user: UserID, in organization: InternalID, now: Timestamp
    ) throws(DatabaseError) -> APIKey? {
        try revoke(
            where: "k.organization = ?1 AND k.user_id = ?2 AND k.name = ?3 AND k.expires_at <= ?4",
            [.init(organization), .init(user), .init(name), .init(now)], now: now
        ).first
    }

    private func revoke(
        where condition: String, _ parameters: [SQLValue], now: Timestamp
    ) throws(DatabaseError) -> [APIKey] {
        let keys = try transaction.query(
            "SELECT \(Self.columns) FROM api_keys k WHERE \(condition) AND k.revoked_at IS NULL", parameters,
            Self.decode)
        var revoked: [APIKey] = []
        for key in keys where try revoke(key.organization, id: key.id, now: now) { revoked.append(key) }
        return revoked
    }

    /// How many keys of the user are good at `now`.
    package func count(of user: UserID, in organization: InternalID, now: Timestamp) throws(DatabaseError) -> Int {
        Int(
            try transaction.count(
                """
                SELECT COUNT(*) FROM api_keys WHERE organization = ?1 AND user_id = ?2 AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > ?3)
                """, [.init(organization), .init(user), .init(now)]))
    }

    /// Until when somebody can administrate the organization, without a key or without a user: an active admin has a key
    /// with that permission that is good at `now`, and this is the last moment of the longest-lived of these. `.never`
    /// where one does not expire; nil where there is none.
    package func administrationEnd(
        _ organization: InternalID, besidesKey key: KeyID? = nil, besidesUser user: UserID? = nil, now: Timestamp
    ) throws(DatabaseError) -> Timestamp? {
        try transaction.first(
            """
            SELECT MAX(COALESCE(k.expires_at, ?5)) FROM api_keys k JOIN users u ON u.id = k.user_id
            WHERE k.organization = ?1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?2)
            AND u.status = 'active' AND u.role = 'admin' AND ',' || k.permissions || ',' LIKE '%,admin,%'
            AND k.id <> ?3 AND k.user_id <> ?4
            """,
            [
                .init(organization), .init(now), .init(key?.rawValue ?? ""), .init(user?.rawValue ?? ""),
                .init(Timestamp.never),
            ]
        ) { row throws(DatabaseError) in try row.optionalTimestamp() } ?? nil
    }

    /// How often the time of a key's last use is written: once a minute at most.
    package static let touchIntervalMilliseconds: Int64 = 60_000

    /// Whether a use of `key` now is worth a write, told from the key as it was read.
    package static func needsTouch(_ key: APIKey, now: Timestamp) -> Bool {
        guard let last = key.lastUsedAt else { return true }
        return last.adding(milliseconds: touchIntervalMilliseconds) <= now
    }

    /// Notes that the key was used, unless that was noted within the last minute.
    package func touch(_ id: KeyID, now: Timestamp) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
            [.init(id), .init(now), .init(now.adding(milliseconds: -Self.touchIntervalMilliseconds))])
    }
}

extension Transaction {
    package var apiKeys: APIKeyStore { APIKeyStore(self) }
}
