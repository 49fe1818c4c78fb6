import Glibc

package enum Environment {
    /// The process's environment variable, nil where it is not set.
    package static func value(of name: String) -> String? {
        // The string is copied before anybody can change the environment; nobody does after the start.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
