/// The classifier's own trouble, in words for the operator: no file is to blame for it.
package enum ClassifierError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The runtime's library cannot be loaded.
    case runtimeUnavailable(String)
    /// The model or its manifest cannot be used.
    case modelUnusable(String)
    /// The runtime failed, with its own code and text.
    case runtimeFailed(code: Int32, message: String)
    /// The model gives a known input a score that it should not have.
    case selfTestFailed(expected: Double, found: Double, tolerance: Double)
    case outOfMemory

    package var description: String {
        switch self {
        case .runtimeUnavailable(let text): "ONNX Runtime cannot be loaded: \(text); `make setup` fetches it"
        case .modelUnusable(let text): text
        case .runtimeFailed(let code, let message): "ONNX Runtime failed with code \(code): \(message)"
        case .selfTestFailed(let expected, let found, let tolerance):
            "the model scores the self-test \(found); expected \(expected) ± \(tolerance)"
        case .outOfMemory: "out of memory"
        }
    }
}
