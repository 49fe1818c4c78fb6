import Synchronization

/// The pool's status, where the supervisor writes it and everybody reads it.
final class StatusBoard: Sendable {
    private let value: Mutex<WorkerPoolStatus>

    init(configured: Int) { value = Mutex(WorkerPoolStatus(configured: configured)) }

    var status: WorkerPoolStatus { value.withLock { $0 } }

    func update(_ change: (inout WorkerPoolStatus) -> Void) { value.withLock { change(&$0) } }
}
