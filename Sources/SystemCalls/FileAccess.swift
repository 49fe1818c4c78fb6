import Glibc

package enum FileAccess {
    /// Whether this process may write to the file or into the directory at `path`; false on a read-only file system.
    package static func canWrite(_ path: String) -> Bool {
        // The path is a C string during the call.
        unsafe access(path, W_OK) == 0
    }

    /// Whether this process may read the file at `path`.
    package static func canRead(_ path: String) -> Bool {
        // The path is a C string during the call.
        unsafe access(path, R_OK) == 0
    }
}
