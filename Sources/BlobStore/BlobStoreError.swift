internal import Glibc
package import SystemCalls

/// What can go wrong with the stored contents.
package enum BlobStoreError: Error, Hashable, Sendable {
    /// The file system has no room, or a quota is used up.
    case full(String)
    /// The file system is mounted read-only, or its permissions keep this process from writing.
    case notWritable(String)
    /// Another process has the data directory.
    case locked(String)
    /// Somebody else is sending to the same announced upload.
    case inUse(String)
    /// There is no such content.
    case notFound(String)
    /// A name that would not stay inside the data directory.
    case invalidName(String)
    /// What is stored under the hash has another size than what was hashed.
    case damaged(String)
    /// The caller's own mistake, such as an append after the end.
    case misuse(String)
    /// Anything else that the system reports.
    case system(SystemCallError)
}

extension BlobStoreError {
    init(_ error: SystemCallError) {
        switch error.number {
        case ENOSPC, EDQUOT, EFBIG: self = .full(error.description)
        case EROFS, EACCES, EPERM: self = .notWritable(error.description)
        default: self = .system(error)
        }
    }
}

extension BlobStoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full(let detail): "the storage is full: \(detail)"
        case .notWritable(let detail): "the storage cannot be written: \(detail)"
        case .locked(let path): "the data directory \(path) is in use by another process"
        case .inUse(let path): "\(path) is being written by somebody else"
        case .notFound(let name): "there is no content \(name)"
        case .invalidName(let name): "\(name.debugDescription) is no name of a content"
        case .damaged(let detail): "the stored content is damaged: \(detail)"
        case .misuse(let detail): "the storage was misused: \(detail)"
        case .system(let error): error.description
        }
    }
}
