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

    var phase = Phase.waiting(until: 0)
    var process: WorkerProcess?
    var backoff = RestartBackoff()
    var readyAt: Double?
    var description: WorkerDescription?

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
