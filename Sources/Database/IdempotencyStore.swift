package import Domain

/// The answer that was given under an idempotency key, and to which body.
package struct IdempotentAnswer: Hashable, Sendable {
    /// Of the body that the answer belongs to; a repeat with another one is a conflict.
    package let bodyHash: ContentHash
    package let status: Int
    /// The answer's body, JSON text, as it was sent.
    package let response: String
    /// The upload that the first request was.
    package let upload: UploadID

    package init(bodyHash: ContentHash, status: Int, response: String, upload: UploadID) {
        self.bodyHash = bodyHash
        self.status = status
        self.response = response
        self.upload = upload
    }
}

/// What a request that carries an idempotency key has to do.
package enum IdempotencyOutcome: Hashable, Sendable {
    /// It is the first: it runs, and then completes or abandons.
    case begun
    /// The first still runs, since then.
    case inProgress(since: Timestamp)
    /// The first was answered. The body's hash is compared when the body was read.
    case complete(IdempotentAnswer)
}

/// The idempotency keys of the last 24 hours.
package struct IdempotencyStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    package static let lifetimeMilliseconds: Int64 = 24 * 3_600_000

    /// Registers the request as the first under its key, unless there is one within the last 24 hours.
    /// - Parameters:
    ///   - owner: the upload that completes or abandons it; nobody else can.
    ///   - node: the node that runs it, so that what it left unfinished is abandoned when it starts anew.
    package func begin(
        _ organization: InternalID, key: String, owner: UploadID, node: String, now: Timestamp
    ) throws(DatabaseError) -> IdempotencyOutcome {
        let oldest = now.adding(milliseconds: -Self.lifetimeMilliseconds)
        try transaction.execute(
            "DELETE FROM idempotency_records WHERE organization = ?1 AND key = ?2 AND created_at <= ?3",
            [.init(organization), .init(key), .init(oldest)])
        // The insertion decides: of two that begin at the same time, the other waits for this row, then finds it.
        let inserted = try transaction.execute(
            """
            INSERT INTO idempotency_records (organization, key, owner, node, state, created_at)
            VALUES (?1, ?2, ?3, ?4, 'in_progress', ?5) ON CONFLICT (organization, key) DO NOTHING
            """, [.init(organization), .init(key), .init(owner), .init(node), .init(now)])
        if inserted == 1 { return .begun }
        let found = try transaction.first(
            """
            SELECT state, created_at, body_hash, status, response, owner FROM idempotency_records
            WHERE organization = ?1 AND key = ?2
            """, [.init(organization), .init(key)], Self.decode)
        guard let found else { throw .busy("the idempotency key was abandoned while it was looked at") }
        return found
    }

    private static func decode(_ row: inout Row) throws(DatabaseError) -> IdempotencyOutcome {
        let state = try row.text()
        let since = try row.timestamp()
        guard state == "complete" else { return .inProgress(since: since) }
        return .complete(
            IdempotentAnswer(
                bodyHash: try row.value(), status: try row.int(), response: try row.text(), upload: try row.value()))
    }

    /// Keeps the answer of `answer.upload` for repeats.
    /// - Returns: false where that upload does not run under this key any more; its answer is not kept then.
    package func complete(
        _ organization: InternalID, key: String, answer: IdempotentAnswer
    ) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE idempotency_records SET state = 'complete', body_hash = ?4, status = ?5, response = ?6
            WHERE organization = ?1 AND key = ?2 AND owner = ?3 AND state = 'in_progress'
            """,
            [
                .init(organization), .init(key), .init(answer.upload), .init(answer.bodyHash), .init(answer.status),
                .init(answer.response),
            ]) == 1
    }

    /// Forgets a request whose answer is not kept: a repeat runs anew.
    package func abandon(_ organization: InternalID, key: String, owner: UploadID) throws(DatabaseError) {
        try transaction.execute(
            """
            DELETE FROM idempotency_records
            WHERE organization = ?1 AND key = ?2 AND owner = ?3 AND state = 'in_progress'
            """, [.init(organization), .init(key), .init(owner)])
    }

    /// Forgets what a node left unfinished, when it starts anew.
    /// - Returns: how many.
    @discardableResult
    package func abandonAll(ofNode node: String) throws(DatabaseError) -> Int {
        try transaction.execute(
            "DELETE FROM idempotency_records WHERE node = ?1 AND state = 'in_progress'", [.init(node)])
    }

    /// Removes what is older than 24 hours, the oldest first, at most `limit` records.
    /// - Returns: how many.
    @discardableResult
    package func expire(now: Timestamp, limit: Int = 1000) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            DELETE FROM idempotency_records WHERE (organization, key) IN (
                SELECT organization, key FROM idempotency_records WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)
            """, [.init(now.adding(milliseconds: -Self.lifetimeMilliseconds)), .init(limit)])
    }
}

extension Transaction {
    package var idempotency: IdempotencyStore { IdempotencyStore(self) }
}
