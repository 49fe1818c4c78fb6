/// Statements inside one transaction. It is valid inside the body that it was given to, and no longer.
///
/// Parameters are written `?1`, `?2`, ….
package protocol Transaction {
    /// Runs one statement and tells how many rows it inserted, changed or deleted.
    @discardableResult
    func execute(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int

    /// Runs one statement and decodes each row that it gives.
    func query<T>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (inout Row) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> [T]

    /// Puts the `search_text` of a new row of `bucket_uploads` into the driver's own index, where it has one.
    func indexText(of upload: String) throws(DatabaseError)

    /// A condition that holds for the rows of `bucket_uploads b` whose `search_text` contains `text`,
    /// by the driver's own index; nil where its index cannot find so short a text.
    /// - Parameter parameter: the condition's only parameter, such as `?7`.
    func textSearch(_ text: String, parameter: String) -> (condition: String, value: SQLValue)?
}

extension Transaction {
    /// The first row, nil without one.
    func first<T>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (inout Row) throws(DatabaseError) -> T
    ) throws(DatabaseError) -> T? {
        try query(sql, parameters, decode).first
    }

    /// The only value of the only row.
    func count(_ sql: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int64 {
        let rows = try query(sql, parameters) { row throws(DatabaseError) in try row.integer() }
        guard let count = rows.first else { throw .invalidRow("no row where one was expected") }
        return count
    }
}
