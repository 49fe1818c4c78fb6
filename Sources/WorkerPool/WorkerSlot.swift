import Domain
import WorkerProtocol

/// The place of one worker: processes come and go in it.
final class WorkerSlot {
    /// A scan that the worker is busy with.
    struct Assignment {
        var scan: PendingScan
        var request: ScanRequest
        var startedAt: Double
        var deadline: Double
    }

    /// A process that was killed or ended by itself and is still to be reaped.
    struct Ending {
        var cause: RestartCause
        var since: Double
        /// When to kill one whose channel closed by itself. Until then it may end in its own way, which tells why.
        var killsAt: Double?
        /// What it was busy with, until it is known why it ended.
        var scan: PendingScan?
        var nextCheck: Double
        /// Doubles from check to check.
        var intervalSeconds: Double
    }

    enum Phase {
        /// No process; one is started then.
        case waiting(until: Double)
        case starting(deadline: Double)
        case idle
        case scanning(Assignment)
        case ending(Ending)
    }

    let number: Int
    var phase = Phase.waiting(until: 0)
    /// The organization whose file ended the last process, until the next one is ready.
    var blamed: OrganizationID?
    var process: WorkerProcess?
    var backoff = RestartBackoff()
    var readyAt: Double?
    var description: WorkerDescription?
    var scanner: ScannerIdentity?

    init(number: Int) { self.number = number }

    /// The organization that keeps this place from others: by a scan, or by what a file of its has broken.
    var holder: OrganizationID? {
        switch phase {
        case .scanning(let assignment): assignment.scan.job.organization
        case .ending(let ending): ending.scan?.job.organization ?? blamed
        case .waiting, .starting: blamed
        case .idle: nil
        }
    }

    var hasScreen: Bool { if case .ready = description?.screen { true } else { false } }
    var isIdle: Bool { if case .idle = phase { true } else { false } }
    var isScanning: Bool { if case .scanning = phase { true } else { false } }
    var isLive: Bool { isIdle || isScanning }
    var isEnding: Bool { if case .ending = phase { true } else { false } }

    /// When it needs attention without anything happening.
    var deadline: Double? {
        switch phase {
        case .waiting(let moment), .starting(let moment): moment
        case .idle: nil
        case .scanning(let assignment): assignment.deadline
        case .ending(let ending): ending.nextCheck
        }
    }
}
