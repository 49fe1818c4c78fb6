import Glibc

package enum FileAccess {
    /// Whether this process may read the file at `path`.
    package static func canRead(_ path: String) -> Bool {
        // The path is a C string during the call.
        unsafe access(path, R_OK) == 0
    }
}
