import Domain
import Telemetry
import WorkerProtocol

// The way of scans through the queue and the workers.
extension Supervisor {
    /// A file is given to this many workers before it is given up.
    static let maximumAttempts = 2

    func admit(_ scan: PendingScan, now: Double) {
        if isOutOfService { return answerUnavailable(scan, .outOfService) }
        if let unavailableReason { return answerUnavailable(scan, unavailableReason) }
        if queue.count >= configuration.queueLength, !slots.contains(where: \.isIdle) {
            guard scan.job.priority == .upload, let evicted = queue.makeRoom(for: scan.job.organization) else {
                return answerUnavailable(scan, hasFlooded(scan) ? .heldBack : .queueFull)
            }
            answerUnavailable(evicted, hasFlooded(evicted) ? .heldBack : .queueFull)
        }
        queue.append(scan, for: scan.job.organization, scan.job.priority)
        dispatch(now: now)
    }

    /// Whether a scan has no place because others of its own organization have them: no reason to let it pass unscanned.
    private func hasFlooded(_ scan: PendingScan) -> Bool {
        scan.job.priority == .upload && queue.uploads(of: scan.job.organization) > 0
    }

    /// Gives waiting scans to idle workers; or answers them, where no worker is to be expected.
    func dispatch(now: Double) {
        if let unavailableReason {
            for scan in queue.removeAll() { answerUnavailable(scan, unavailableReason) }
            return
        }
        for slot in slots {
            while slot.isIdle, let scan = queue.takeNext(where: { mayRun($0, in: slot, now: now) }) {
                assign(scan, to: slot, now: now)
            }
        }
    }

    private func assign(_ scan: PendingScan, to slot: WorkerSlot, now: Double) {
        guard let process = slot.process else { return }
        let request = ScanRequest(
            id: scan.id, mediaType: scan.job.mediaType, threshold: scan.job.threshold,
            mode: slot.hasScreen ? configuration.mode(of: scan.job) : .exact, limits: configuration.limitsForWorkers)
        do {
            try process.channel.send(request.encoded(), passing: scan.job.descriptor)
            process.allowMoreStandardError()
            metrics.waited(seconds: now - scan.queuedAt)
            let deadline = now + Double(configuration.deadlineMilliseconds) / 1000
            slot.phase = .scanning(.init(scan: scan, request: request, startedAt: now, deadline: deadline))
        } catch .closed {
            // It died while it was idle: the file never reached it and is not to blame.
            awaitEnd(slot)
            queue.prepend(scan, for: scan.job.organization, scan.job.priority)
        } catch {
            log.error("scan_hand_over_failed", ["error": .string("\(error)")])
            answerUnavailable(scan, .handOverFailed)
        }
    }

    func complete(
        _ slot: WorkerSlot, _ assignment: WorkerSlot.Assignment, _ reply: ScanReply
    ) throws(WorkerProtocolError) {
        let seconds = SystemTime.monotonicSeconds() - assignment.startedAt
        let elapsedMilliseconds = Double(reply.elapsedMicroseconds) / 1000
        guard elapsedMilliseconds <= seconds * 1000 + 1 else { throw .malformed("elapsed: longer than the scan") }
        if case .failed(let text) = reply.result {
            log.error("scan_inference_failed", ["process": process(of: slot), "error": .string(text)])
            return end(slot, .inference)
        }
        metrics.answered(seconds: seconds)
        meanScanSeconds += (seconds - meanScanSeconds) / 16
        slot.backoff.succeeded()
        slot.phase = .idle
        if reply.isRetiring { end(slot, .retired) }
        let scanner = slot.scanner
        switch reply.result {
        case .scored(let score):
            answer(assignment.scan, .scored(score, elapsedMilliseconds: elapsedMilliseconds), scanner)
        case .corrupt(let text), .limitExceeded(let text): answer(assignment.scan, .unscannable(text), scanner)
        case .unsupported(let text): answer(assignment.scan, .unsupported(text), scanner)
        case .failed: break
        }
    }

    /// A scan whose worker is gone goes to another one, once. A worker that was killed by somebody else looks the same
    /// as one that its file broke, so both count.
    func retry(_ scan: PendingScan, of slot: WorkerSlot, after cause: RestartCause, now: Double) {
        guard !isStopping else { return answerUnavailable(scan, .shuttingDown) }
        var scan = scan
        scan.queuedAt = now
        let (organization, priority) = (scan.job.organization, scan.job.priority)
        guard let failure = ScanFailure(cause) else {
            scan.runsAlone = true
            return queue.reinsert(scan, for: organization, priority)
        }
        scan.failures.append(failure)
        scan.failedSlots.append(slot.number)
        metrics.failed(failure)
        log.warning(
            "scan_failed",
            [
                "cause": .string(failure.rawValue), "organization_id": .string(organization.rawValue),
                "media_type": .string(scan.job.mediaType.rawValue), "attempt": .integer(Int64(scan.failures.count)),
            ])
        // Where the model failed, no file is to blame.
        if failure != .inference {
            slot.blamed = organization
            suspects.note(organization, now: now)
        }
        guard scan.failures.count < Self.maximumAttempts else { return giveUp(scan) }
        queue.reinsert(scan, for: organization, priority)
    }

    private func giveUp(_ scan: PendingScan) {
        let failures = scan.failures.filter { $0 != .inference }
        guard let first = failures.first, let last = failures.last else {
            return answerUnavailable(scan, .inferenceFailed)
        }
        var explanation = "the image \(deed(first))"
        if failures.count > 1 { explanation += first == last ? ", twice" : ", then \(deed(last))" }
        answer(scan, .gaveUp(first == last ? GiveUpCause(first) : .mixed, explanation))
    }

    private func deed(_ failure: ScanFailure) -> String {
        switch failure {
        case .crash, .inference: "broke its decoder"
        case .deadline: "took more than \(configuration.deadlineMilliseconds) ms to check"
        case .memory: "took more memory than there is to check"
        }
    }

    // MARK: Waiting

    private var queueWaitSeconds: Double { Double(configuration.queueWaitMilliseconds) / 1000 }

    var nextExpiry: Double? {
        var oldest: Double?
        queue.forEach { oldest = min(oldest ?? $0.queuedAt, $0.queuedAt) }
        return oldest.map { $0 + queueWaitSeconds }
    }

    func expireQueue(now: Double) {
        guard let nextExpiry, nextExpiry <= now else { return }
        let reason: UnavailableReason = slots.contains(where: \.isLive) ? .queueTimeout : .noWorker
        for scan in queue.removeAll(where: { $0.queuedAt + queueWaitSeconds <= now }) {
            let isOwnFault = suspects.contains(scan.job.organization, now: now) || occupies(scan.job.organization)
            answerUnavailable(scan, reason == .queueTimeout && isOwnFault ? .heldBack : reason)
        }
    }

    /// Whether a worker is busy with a file of the organization. Whoever makes the workers slow must not gain by it that
    /// what waits behind is let pass unscanned.
    private func occupies(_ organization: OrganizationID) -> Bool {
        slots.contains { slot in
            guard case .scanning(let assignment) = slot.phase else { return false }
            return assignment.scan.job.organization == organization
        }
    }

    // MARK: Answers

    func answer(_ scan: PendingScan, _ outcome: ScanOutcome, _ scanner: ScannerIdentity? = nil) {
        answers.append((scan, ScanReport(outcome: outcome, scanner: scanner)))
    }

    func answerUnavailable(_ scan: PendingScan, _ reason: UnavailableReason) {
        if scan.job.priority == .upload, reason == .queueFull || reason == .queueTimeout { overflows += 1 }
        answer(scan, .unavailable(reason, retryAfterSeconds: retryAfterSeconds(reason, scan.job.organization)))
    }

    /// When a repeat may find the trouble gone: for a queue, the time that it takes to work through it.
    private func retryAfterSeconds(_ reason: UnavailableReason, _ organization: OrganizationID) -> Int {
        switch reason {
        case .heldBack where suspects.contains(organization, now: SystemTime.monotonicSeconds()):
            return Int(Suspects.memorySeconds)
        case .queueFull, .queueTimeout, .heldBack:
            let live = max(1, slots.count(where: \.isLive))
            return Int(min(60, max(1, (Double(queue.count) * meanScanSeconds / Double(live)).rounded(.up))))
        case .noModel, .noRuntime, .invalidModel, .outOfService: return 30
        case .noWorker, .inferenceFailed, .handOverFailed, .shuttingDown: return 5
        case .cancelled: return 1
        }
    }
}

extension ScanFailure {
    /// nil where the file did nothing wrong.
    fileprivate init?(_ cause: RestartCause) {
        switch cause {
        case .deadline: self = .deadline
        case .inference: self = .inference
        case .memory: self = .memory
        case .crash, .protocolViolation, .start, .retired: self = .crash
        case .preempted: return nil
        }
    }
}

extension GiveUpCause {
    fileprivate init(_ failure: ScanFailure) {
        switch failure {
        case .crash, .inference: self = .crash
        case .deadline: self = .deadline
        case .memory: self = .memory
        }
    }
}
