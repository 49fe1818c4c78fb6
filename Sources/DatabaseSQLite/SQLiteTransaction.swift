internal import Database

/// A transaction on a connection, for the body that it is given to.
final class SQLiteTransaction: Transaction {
    private let connection: SQLiteConnection
    private var isOver = false

    init(_ connection: SQLiteConnection) { self.connection = connection }

    /// From here on the transaction refuses everything: a body that kept it would write into somebody else's.
    func end() { isOver = true }

    private func ensureIsOpen() throws(DatabaseError) {
        guard !isOver else { throw .misuse("a transaction was used after its end") }
    }

    func execute(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int {
        try ensureIsOpen()
        return try connection.execute(sql, parameters)
    }

    func query<T>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (inout Row) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> [T] {
        try ensureIsOpen()
        return try connection.query(sql, parameters, decode)
    }

    func indexText(of upload: String) throws(DatabaseError) {
        _ = try execute(
            "INSERT INTO bucket_upload_texts (rowid, text) SELECT rowid, search_text FROM bucket_uploads WHERE id = ?1",
            [.text(upload)])
    }

    /// Trigrams of Unicode characters, so nothing shorter than three is found.
    func textSearch(_ text: String, parameter: String) -> (condition: String, value: SQLValue)? {
        guard text.unicodeScalars.count >= 3 else { return nil }
        // A string in FTS5's query language: quotes doubled, nothing else has a meaning in it.
        let quoted = "\"" + text.replacing("\"", with: "\"\"") + "\""
        return (
            "b.rowid IN (SELECT rowid FROM bucket_upload_texts WHERE bucket_upload_texts MATCH \(parameter))",
            .text(quoted)
        )
    }
}
