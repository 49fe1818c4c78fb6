import Glibc

/// What a name in the file system stands for, without following it where it is a symbolic link.
package struct FileStatus: Hashable, Sendable {
    package enum Kind: Sendable {
        case file
        case directory
        case other
    }

    package let kind: Kind
    /// In bytes.
    package let size: Int64
    /// When its contents last changed, Unix seconds.
    package var modifiedSeconds: Int64 { version.seconds }
    /// Another one where the name leads to another file, or the file's contents were changed.
    package let version: Version

    package struct Version: Hashable, Sendable {
        fileprivate let device: UInt64
        fileprivate let inode: UInt64
        fileprivate let seconds: Int64
        fileprivate let nanoseconds: Int64
    }

    /// nil where there is no such name.
    package static func of(_ path: String) throws(SystemCallError) -> FileStatus? {
        var status = stat()
        do {
            // The call writes one structure.
            _ = try FileSystem.retrying("lstat(\(path))") { unsafe lstat(path, &status) }
        } catch {
            guard error.number == ENOENT || error.number == ENOTDIR else { throw error }
            return nil
        }
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        return FileStatus(
            kind: kind, size: Int64(status.st_size),
            version: Version(
                device: UInt64(status.st_dev), inode: UInt64(status.st_ino), seconds: Int64(status.st_mtim.tv_sec),
                nanoseconds: Int64(status.st_mtim.tv_nsec)))
    }
}
