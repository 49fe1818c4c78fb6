internal import CSQLite
internal import Database

/// A prepared statement, owned: finalized in `deinit`. Its codes are checked by the connection.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer
    /// Whether somebody reads its rows. Used by its connection's thread only.
    var isInUse = false

    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_finalize(handle) }

    func step() -> Int32 { unsafe sqlite3_step(handle) }

    /// Makes it ready to be run again, with nothing bound.
    func reset() {
        // The code repeats the last step's, which was checked.
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    // SQLITE_TRANSIENT, a cast that Swift cannot import: the library copies the bytes before the call returns.
    private static var copied: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    /// - Parameter index: from 1.
    func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return unsafe sqlite3_bind_null(handle, index)
        case .integer(let value): return unsafe sqlite3_bind_int64(handle, index, value)
        case .real(let value): return unsafe sqlite3_bind_double(handle, index, value)
        case .text(var value):
            return value.withUTF8 { buffer in
                // An empty buffer may have no address, which would bind NULL.
                guard let base = unsafe UnsafeRawPointer(buffer.baseAddress), buffer.count > 0 else {
                    return unsafe sqlite3_bind_text(handle, index, "", 0, Self.copied)
                }
                return unsafe sqlite3_bind_text64(
                    handle, index, base.assumingMemoryBound(to: CChar.self), UInt64(buffer.count), Self.copied,
                    UInt8(SQLITE_UTF8))
            }
        case .blob(let value):
            return unsafe value.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress, buffer.count > 0 else {
                    return unsafe sqlite3_bind_zeroblob(handle, index, 0)
                }
                return unsafe sqlite3_bind_blob64(handle, index, base, UInt64(buffer.count), Self.copied)
            }
        }
    }

    /// The columns of the current row, copied: the library's own memory is valid until the next step only.
    var values: [SQLValue] {
        let count = unsafe sqlite3_data_count(handle)
        var values: [SQLValue] = []
        values.reserveCapacity(Int(count))
        for column in 0..<count { values.append(value(at: column)) }
        return values
    }

    private func value(at column: Int32) -> SQLValue {
        switch unsafe sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, column))
        case SQLITE_TEXT:
            let start = unsafe sqlite3_column_text(handle, column)
            let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
            return .text(unsafe String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            let start = unsafe sqlite3_column_blob(handle, column)
            let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
            return .blob(unsafe Array(bytes))
        default: return .null
        }
    }
}
