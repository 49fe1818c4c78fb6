import Domain
import SystemCalls
import Telemetry
import WorkerProtocol

/// Runs the pool on its one thread: all of its state is confined to that.
final class Supervisor {
    let configuration: WorkerPoolConfiguration
    let log: Logger
    let metrics: PoolMetrics
    private let mailbox: Mailbox
    private let board: StatusBoard

    var queue = FairQueue<PendingScan>()
    /// Uploads that found no place or no time in it.
    var overflows = 0
    var suspects = Suspects()
    let slots: [WorkerSlot]
    /// Why workers do not become ready. While it stands and none is live, scans are answered at once instead of waiting
    /// for a start that has failed before.
    var startFailure: UnavailableReason?
    var startDeaths = 0
    var restarts = 0
    /// What a scan is taken for before there was one.
    static let firstMeanScanSeconds = 0.05
    var meanScanSeconds = firstMeanScanSeconds
    var lastReady: WorkerDescription?
    var lastScanner: ScannerIdentity?
    /// Of the last worker that had a screen: another one may lack it, and those that have it still clear by it.
    var lastScreenSHA256: String?
    var reportedScreen: ScreenReport?
    var reportedSandbox: SandboxFeatures?
    private(set) var isStopping = false
    /// Given at the end of each round, so that whoever has an answer sees a status that knows of it.
    var answers: [(scan: PendingScan, report: ScanReport)] = []
    private var shutDownContinuations: [CheckedContinuation<Void, Never>] = []

    init(
        configuration: WorkerPoolConfiguration, log: Logger, metrics: PoolMetrics, mailbox: Mailbox, board: StatusBoard
    ) {
        self.configuration = configuration
        self.log = log
        self.metrics = metrics
        self.mailbox = mailbox
        self.board = board
        slots = (0..<configuration.workers).map { WorkerSlot(number: $0) }
    }

    /// Returns when the pool was shut down and no process is left.
    func run() {
        while true {
            for message in mailbox.takeAll() { handle(message) }
            let now = SystemTime.monotonicSeconds()
            for slot in slots { advance(slot, now: now) }
            expireQueue(now: now)
            preempt(now: now)
            dispatch(now: now)
            publish()
            deliverAnswers()
            if isStopping && slots.allSatisfy({ $0.process == nil }) { break }
            wait(now: now)
        }
        for message in mailbox.close() { handle(message) }
        deliverAnswers()
        shutDownContinuations.forEach { $0.resume() }
    }

    private func handle(_ message: Mailbox.Message) {
        switch message {
        case .scan(let scan):
            admit(scan, now: SystemTime.monotonicSeconds())
        case .cancel(let id):
            for scan in queue.removeAll(where: { $0.id == id }) { answerUnavailable(scan, .cancelled) }
        case .clearQueue:
            for scan in queue.removeAll() { answerUnavailable(scan, .outOfService) }
        case .shutDown(let continuation):
            if let continuation { shutDownContinuations.append(continuation) }
            stop()
        }
    }

    private func deliverAnswers() {
        for answer in answers { answer.scan.continuation.resume(returning: answer.report) }
        answers.removeAll(keepingCapacity: true)
    }

    private func stop() {
        guard !isStopping else { return }
        isStopping = true
        for scan in queue.removeAll() { answerUnavailable(scan, .shuttingDown) }
        for slot in slots where slot.process != nil && !slot.isEnding { end(slot, .retired) }
    }

    /// Waits for the mailbox, a worker, or the next deadline, and serves the workers that have something.
    private func wait(now: Double) {
        var poll = ReadinessPoll()
        _ = poll.add(mailbox.descriptor)
        var channels: [(WorkerSlot, Int)] = []
        var errors: [(WorkerSlot, Int)] = []
        for slot in slots {
            guard let process = slot.process else { continue }
            if let descriptor = process.standardErrorDescriptor { errors.append((slot, poll.add(descriptor))) }
            // Of a worker that was killed only its last words are of interest.
            if !slot.isEnding { channels.append((slot, poll.add(process.channel.descriptor))) }
        }
        do {
            try poll.wait(milliseconds: nextDeadline(after: now).map { Int(max(0, $0 - now) * 1000) + 1 })
        } catch {
            // The arguments are sound, so only memory can be lacking; the deadlines still have to be kept.
            log.error("worker_poll_failed", ["error": .string(error.description)])
            return
        }
        for (slot, index) in errors where poll.isReady(index) { readStandardError(of: slot) }
        for (slot, index) in channels where poll.isReady(index) && !slot.isEnding { readChannel(of: slot) }
    }

    private func nextDeadline(after now: Double) -> Double? {
        var next: Double?
        for slot in slots where !(isStopping && slot.process == nil) {
            if let deadline = slot.deadline { next = min(next ?? deadline, deadline) }
        }
        for moment in [nextExpiry, nextRelease(after: now), nextPreemption] {
            if let moment { next = min(next ?? moment, moment) }
        }
        return next
    }

    private func publish() {
        let live = slots.filter(\.isLive)
        board.update { status in
            status.live = live.count
            status.busy = live.count(where: \.isScanning)
            status.restarts = restarts
            status.queued = queue.count
            status.overflows = overflows
            status.unavailableReason = status.outOfService ? .outOfService : unavailableReason
            status.sandbox = live.compactMap(\.description?.sandbox).reduce(nil) { $0?.intersection($1) ?? $1 }
            status.model = modelInUse
            status.screen = lastReady?.screen ?? .off
            status.selfTestScore = lastReady?.selfTestScore
            status.scanner = lastScanner
            status.meanScanSeconds = meanScanSeconds
            status.processes = live.compactMap { $0.process?.child.id }
        }
        metrics.show(board.status)
    }

    /// The model of the last worker that became ready, with the screen that its reports of clearing mean.
    private var modelInUse: ModelIdentity? {
        var model = lastReady?.model
        model?.screenSHA256 = lastScreenSHA256
        return model
    }

    var isOutOfService: Bool { board.status.outOfService }

    /// Why a scan cannot be served, nil where a worker is live or expected.
    var unavailableReason: UnavailableReason? {
        if isStopping { return .shuttingDown }
        return slots.contains(where: \.isLive) ? nil : startFailure
    }
}
