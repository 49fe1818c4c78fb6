import CSQLite
internal import Database
internal import Glibc

/// The one place that maps SQLite's codes to our errors. The message is for people; only codes are looked at.
enum SQLiteError {
    /// - Parameters:
    ///   - code: extended or primary result code.
    ///   - systemError: `errno` of the failed system call, 0 if unknown.
    ///   - isReadOnly: whether the connection was opened for reading only.
    static func map(code: Int32, message: String, systemError: Int32, isReadOnly: Bool) -> DatabaseError {
        let detail = systemError == 0 ? message : "\(message) (errno \(systemError))"
        // A file system without room is reported as FULL by some of SQLite's system calls and as IOERR by others.
        if [ENOSPC, EDQUOT, EFBIG].contains(systemError), [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xff) {
            return .full(detail)
        }
        switch code & 0xff {
        case SQLITE_FULL: return .full(detail)
        case SQLITE_BUSY, SQLITE_LOCKED: return .busy(detail)
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: return .cannotOpen(detail)
        case SQLITE_READONLY:
            return isReadOnly ? .misuse("a write in a read transaction") : .cannotOpen("it is not writable: \(detail)")
        case SQLITE_NOTADB: return .notADatabase(detail)
        case SQLITE_CORRUPT: return .corrupt(detail)
        case SQLITE_CONSTRAINT: return .constraint(detail)
        case SQLITE_INTERRUPT: return .tookTooLong
        case SQLITE_IOERR: return .inputOutput(detail)
        case SQLITE_MISUSE, SQLITE_RANGE: return .misuse(detail)
        default: return .failed(code: Int(code), message: detail)
        }
    }
}
