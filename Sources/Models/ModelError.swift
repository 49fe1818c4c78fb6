/// Why a model cannot be used, in words for the operator.
package enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file cannot be read. `reason` is the system's.
    case unreadable(file: String, reason: String)
    /// The manifest is no JSON.
    case malformed(file: String, reason: String)
    /// A key of the manifest is missing, unknown or not as expected.
    case invalid(file: String, key: String, expected: String)
    /// The model's file is not the one that the manifest describes.
    case wrongHash(file: String, expected: String, found: String)

    package var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason); `make setup` fetches the model and the runtime"
        case .malformed(let file, let reason): "\(file): \(reason)"
        case .invalid(let file, let key, let expected): "\(file): \(key): expected \(expected)"
        case .wrongHash(let file, let expected, let found):
            "\(file): SHA-256 is \(found), the manifest says \(expected); `make setup` fetches the right file"
        }
    }
}
