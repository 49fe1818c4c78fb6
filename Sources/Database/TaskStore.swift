package import Domain

/// Confirmations that go on after their request was answered; they survive a restart.
package struct TaskStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// How long the outcome of a task can be asked for.
    package static let lifetimeMilliseconds: Int64 = 7 * 24 * 3_600_000

    private static let columns =
        "id, organization, type, bucket, key_id, request_id, created_at, status, inputs, outputs"

    private static func decode(_ row: inout Row) throws(DatabaseError) -> ConfirmationTask {
        ConfirmationTask(
            id: try row.value(), organization: try row.value(), type: try row.value(), bucket: try row.text(),
            key: try row.value(), requestID: try row.text(), createdAt: try row.timestamp(), status: try row.value(),
            inputs: items(try row.object()), outputs: try row.optionalObject().map(items))
    }

    private static func items(_ object: JSONObject) -> [JSONObject] {
        object["items"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }

    private static func object(_ items: [JSONObject]) -> JSONObject { ["items": .array(items.map(JSONValue.object))] }

    /// - Parameter node: carries the task out, and takes it up again when it starts anew.
    package func insert(_ task: ConfirmationTask, node: String) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO tasks (id, organization, type, bucket, key_id, request_id, node, created_at, status, inputs)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            """,
            [
                .init(task.id), .init(task.organization), .init(task.type), .init(task.bucket), .init(task.key),
                .init(task.requestID), .init(node), .init(task.createdAt), .init(task.status),
                .init(Self.object(task.inputs)),
            ])
    }

    package func find(_ organization: InternalID, id: TaskID) throws(DatabaseError) -> ConfirmationTask? {
        try transaction.first(
            "SELECT \(Self.columns) FROM tasks WHERE id = ?1 AND organization = ?2", [.init(id), .init(organization)],
            Self.decode)
    }

    package func begin(_ id: TaskID) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE tasks SET status = 'IN_PROGRESS' WHERE id = ?1 AND status = 'PENDING'", [.init(id)])
    }

    package func finish(_ id: TaskID, _ status: TaskStatus, outputs: [JSONObject]) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE tasks SET status = ?2, outputs = ?3 WHERE id = ?1",
            [.init(id), .init(status), .init(Self.object(outputs))])
    }

    /// What a node left unfinished, the oldest first.
    package func unfinished(ofNode node: String) throws(DatabaseError) -> [ConfirmationTask] {
        try transaction.query(
            """
            SELECT \(Self.columns) FROM tasks WHERE node = ?1 AND status IN ('PENDING', 'IN_PROGRESS')
            ORDER BY created_at, id
            """, [.init(node)], Self.decode)
    }

    /// Forgets tasks that ended long ago, at most `limit` of them.
    /// - Returns: how many.
    @discardableResult
    package func expire(now: Timestamp, limit: Int = 1000) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            DELETE FROM tasks WHERE id IN (
                SELECT id FROM tasks WHERE created_at <= ?1 AND status NOT IN ('PENDING', 'IN_PROGRESS') LIMIT ?2)
            """, [.init(now.adding(milliseconds: -Self.lifetimeMilliseconds)), .init(limit)])
    }
}

extension Transaction {
    package var tasks: TaskStore { TaskStore(self) }
}
