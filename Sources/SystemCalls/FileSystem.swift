import Glibc

/// What a program does to names in the file system. Files are made for their owner only: mode 0600, directories 0700.
package enum FileSystem {
    /// How a file is opened; always closed on exec, and never through a symbolic link in its last component.
    package enum Mode: Sendable {
        case read
        /// For reading and writing; fails with EEXIST where the name is taken.
        case create
        /// For reading and writing, made where there is none.
        case createIfMissing
        /// For reading, and for writing at the end; made where there is none.
        case append
        /// A directory, to sync it.
        case directory

        fileprivate var flags: CInt {
            switch self {
            case .read: O_RDONLY
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .createIfMissing: O_RDWR | O_CREAT
            case .append: O_RDWR | O_CREAT | O_APPEND
            case .directory: O_RDONLY | O_DIRECTORY
            }
        }
    }

    package static func open(_ path: String, _ mode: Mode) throws(SystemCallError) -> OwnedDescriptor {
        // The path is a C string during the call.
        let descriptor = try retrying("open(\(path))") {
            unsafe Glibc.open(path, mode.flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        return OwnedDescriptor(owning: descriptor)
    }

    /// - Returns: false where the directory is there already.
    @discardableResult
    package static func makeDirectory(_ path: String) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying("mkdir(\(path))") { unsafe mkdir(path, 0o700) }
            return true
        } catch {
            guard error.number == EEXIST else { throw error }
            return false
        }
    }

    /// Replaces whatever has the new name, in one step.
    package static func rename(_ old: String, to new: String) throws(SystemCallError) {
        _ = try retrying("rename(\(old), \(new))") { unsafe Glibc.rename(old, new) }
    }

    /// Gives the file a second name.
    /// - Returns: false where the new name is taken.
    package static func link(_ old: String, to new: String) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying("link(\(old), \(new))") { unsafe Glibc.link(old, new) }
            return true
        } catch {
            guard error.number == EEXIST else { throw error }
            return false
        }
    }

    /// - Returns: false where there is no such name.
    @discardableResult
    package static func unlink(_ path: String) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying("unlink(\(path))") { unsafe Glibc.unlink(path) }
            return true
        } catch {
            guard error.number == ENOENT else { throw error }
            return false
        }
    }

    /// Takes away a directory and everything below it. A symbolic link in it is removed, not followed.
    package static func removeTree(_ path: String) throws(SystemCallError) {
        for name in try names(in: path) {
            let inner = "\(path)/\(name)"
            if try FileStatus.of(inner)?.kind == .directory { try removeTree(inner) } else { try unlink(inner) }
        }
        _ = try retrying("rmdir(\(path))") { unsafe rmdir(path) }
    }

    /// The path from the root without symbolic links, `.` and `..`. What it names must exist.
    package static func canonicalPath(_ path: String) throws(SystemCallError) -> String {
        // The call returns memory of its own, which is copied and given back.
        guard let found = unsafe realpath(path, nil) else { throw SystemCallError("realpath(\(path))", errno) }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }

    /// Makes the names in a directory durable.
    package static func syncDirectory(_ path: String) throws(SystemCallError) {
        try open(path, .directory).sync()
    }

    /// The names in a directory, without `.` and `..`, in no particular order.
    package static func names(in directory: String) throws(SystemCallError) -> [String] {
        // The stream is this function's alone, and an entry is copied before the next one is read.
        guard let stream = unsafe opendir(directory) else { throw SystemCallError("opendir(\(directory))", errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw SystemCallError("readdir(\(directory))", errno) }
        return names
    }

    /// Bytes that an unprivileged process may still write to the file system of `path`.
    package static func freeBytes(at path: String) throws(SystemCallError) -> Int64 {
        var status = statvfs()
        // The call writes one structure.
        _ = try retrying("statvfs(\(path))") { unsafe statvfs(path, &status) }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }

    static func retrying(_ name: @autoclosure () -> String, _ call: () -> CInt) throws(SystemCallError) -> CInt {
        while true {
            let result = call()
            if result >= 0 { return result }
            guard errno == EINTR else {
                let number = errno
                throw SystemCallError(name(), number)
            }
        }
    }
}
