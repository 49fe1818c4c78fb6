import Classifier
import Models
import Sandbox
import WorkerProtocol

/// Why this worker cannot start.
struct StartError: Error {
    var failure: StartFailure
    /// For the operator.
    var text: String

    init(_ failure: StartFailure, _ text: String) {
        self.failure = failure
        self.text = text
    }

    init(_ error: ModelError) {
        self.init({ if case .unreadable = error { .noModel } else { .invalidModel } }(), error.description)
    }

    init(_ error: ClassifierError) {
        let failure: StartFailure =
            switch error {
            case .runtimeUnavailable: .noRuntime
            case .modelUnusable, .runtimeFailed: .invalidModel
            case .selfTestFailed: .selfTestFailed
            case .outOfMemory: .outOfMemory
            }
        self.init(failure, error.description)
    }

    init(_ error: SandboxError) { self.init(.sandboxFailed, "the sandbox cannot be entered: \(error)") }
}
