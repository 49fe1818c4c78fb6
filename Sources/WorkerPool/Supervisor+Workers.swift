import Domain
import Glibc
import SystemCalls
import Telemetry
import WorkerProtocol

// The life of worker processes.
extension Supervisor {
    /// Does what is due at this moment.
    func advance(_ slot: WorkerSlot, now: Double) {
        guard let deadline = slot.deadline, now >= deadline else { return }
        switch slot.phase {
        case .waiting: if !isStopping { start(slot, now: now) }
        case .starting:
            log.error("worker_start_timeout", ["process": process(of: slot)])
            end(slot, .start)
        case .scanning: end(slot, .deadline)
        case .ending(let ending): reap(slot, ending, now: now)
        case .idle: break
        }
    }

    private func start(_ slot: WorkerSlot, now: Double) {
        do {
            slot.process = try WorkerProcess(configuration, now: now)
            slot.readyAt = nil
            slot.description = nil
            slot.phase = .starting(deadline: now + Double(configuration.startMilliseconds) / 1000)
        } catch {
            log.error("worker_start_failed", ["error": .string(error.description)])
            startFailure = startFailure ?? .noWorker
            metrics.restarted(.start)
            slot.phase = .waiting(until: now + slot.backoff.died())
        }
    }

    /// Kills the worker, whatever state it is in, and takes its scan away. It is reaped and replaced afterwards.
    func end(_ slot: WorkerSlot, _ cause: RestartCause) {
        guard let process = slot.process, !slot.isEnding else { return }
        let phase = slot.phase
        process.child.kill()
        let now = SystemTime.monotonicSeconds()
        slot.phase = .ending(.init(cause: cause, since: now, nextCheck: now, intervalSeconds: 0.001))
        if case .scanning(let assignment) = phase { retry(assignment.scan, of: slot, after: cause, now: now) }
    }

    /// The worker's channel closed: it has died, and how tells why; or it will be killed in a moment.
    func awaitEnd(_ slot: WorkerSlot) {
        guard slot.process != nil, !slot.isEnding else { return }
        let now = SystemTime.monotonicSeconds()
        var ending = WorkerSlot.Ending(
            cause: .crash, since: now, killsAt: now + Self.lastWordsSeconds, nextCheck: now, intervalSeconds: 0.001)
        if case .scanning(let assignment) = slot.phase { ending.scan = assignment.scan }
        slot.phase = .ending(ending)
    }

    /// How long a process may take to end after it has closed its channel.
    private static let lastWordsSeconds = 0.5

    /// Why a process ended that nobody here has killed.
    private static func cause(of ending: ChildProcess.Ending) -> RestartCause {
        switch ending {
        case .exited(WorkerMemory.exitStatus), .killed(signal: SIGKILL): .memory
        case .exited, .killed: .crash
        }
    }

    private func reap(_ slot: WorkerSlot, _ ending: WorkerSlot.Ending, now: Double) {
        guard let process = slot.process else { return }
        var (ending, description) = (ending, JSONValue.null)
        do {
            guard let result = try process.child.reap() else { return keepWaiting(slot, ending, now: now) }
            if ending.killsAt != nil { ending.cause = Self.cause(of: result) }
            description =
                switch result {
                case .exited(let status): .string("exit \(status)")
                case .killed(let signal): .string("signal \(signal)")
                }
        } catch {
            // Somebody else reaped it: the number means nothing any more.
            log.error("worker_reap_failed", ["error": .string(error.description)])
        }
        logLines(process.drainStandardError(), of: slot)
        let fields: JSONObject = [
            "process": self.process(of: slot), "cause": .string(ending.cause.rawValue), "ending": description,
            "age_seconds": .number(((now - process.startedAt) * 1000).rounded() / 1000),
        ]
        slot.process = nil
        if let scan = ending.scan { retry(scan, of: slot, after: ending.cause, now: now) }
        guard !isStopping else { return slot.phase = .waiting(until: now) }
        if ending.cause == .retired { log.info("worker_retired", fields) } else { log.warning("worker_died", fields) }
        restarts += 1
        metrics.restarted(ending.cause)
        scheduleReplacement(of: slot, ending.cause, now: now)
    }

    /// A killed process is gone within milliseconds, unless it hangs in the kernel: a shutdown does not wait for that.
    private func keepWaiting(_ slot: WorkerSlot, _ ending: WorkerSlot.Ending, now: Double) {
        var ending = ending
        if isStopping, now - ending.since > Self.shutDownSeconds {
            log.error("worker_unkillable", ["process": process(of: slot)])
            slot.process = nil
            if let scan = ending.scan { answerUnavailable(scan, .shuttingDown) }
            ending.scan = nil
        }
        if let moment = ending.killsAt, isStopping || now >= moment {
            slot.process?.child.kill()
            ending.killsAt = nil
        }
        ending.nextCheck = now + ending.intervalSeconds
        ending.intervalSeconds = min(ending.intervalSeconds * 2, 0.1)
        slot.phase = .ending(ending)
    }

    private static let shutDownSeconds = 10.0

    private func scheduleReplacement(of slot: WorkerSlot, _ cause: RestartCause, now: Double) {
        if cause == .start {
            startDeaths += 1
            // One death at the start may be an accident; what follows fails at once while nobody is live.
            if startDeaths >= 2 { startFailure = startFailure ?? .noWorker }
        }
        if cause == .retired || cause == .preempted
            || slot.readyAt.map({ now - $0 >= RestartBackoff.steadySeconds }) == true
        {
            slot.backoff.succeeded()
        }
        let isOrderly = cause == .retired || cause == .preempted
        slot.phase = .waiting(until: isOrderly ? now : now + slot.backoff.died())
    }

    /// Takes a message from a worker, or learns that it is gone.
    func readChannel(of slot: WorkerSlot) {
        guard let process = slot.process else { return }
        do throws(WorkerProtocolError) {
            guard let bytes = try process.channel.receiveWaiting() else { return }
            switch slot.phase {
            case .starting: try becomeReady(slot, StartReport(decoding: bytes))
            case .scanning(let assignment):
                try complete(slot, assignment, ScanReply(decoding: bytes, to: assignment.request))
            case .idle: throw .malformed("a message that nobody asked for")
            case .waiting, .ending: break
            }
        } catch .closed {
            if case .starting = slot.phase { end(slot, .start) } else { awaitEnd(slot) }
        } catch {
            log.error("worker_protocol_violation", ["process": self.process(of: slot), "error": .string("\(error)")])
            if case .starting = slot.phase { end(slot, .start) } else { end(slot, .protocolViolation) }
        }
    }

    private func becomeReady(_ slot: WorkerSlot, _ report: StartReport) throws(WorkerProtocolError) {
        switch report {
        case .failed(let failure, let text):
            log.error("worker_start_failed", ["process": process(of: slot), "error": .string(text)])
            startFailure = UnavailableReason(failure)
            end(slot, .start)
        case .ready(let description):
            guard description.sandbox.contains(.systemCallFilter) else { throw .malformed("no system call filter") }
            guard description.decodable.isSuperset(of: MediaType.decodable) else {
                throw .malformed("decoders are missing")
            }
            let now = SystemTime.monotonicSeconds()
            slot.phase = .idle
            slot.readyAt = now
            slot.description = description
            slot.blamed = nil
            lastReady = description
            lastScanner = ScannerIdentity(description, configuration)
            slot.scanner = lastScanner
            startFailure = nil
            startDeaths = 0
            let milliseconds = slot.process.map { (now - $0.startedAt) * 1000 } ?? 0
            log.info(
                "worker_ready",
                [
                    "process": process(of: slot), "model": .string(description.model.name),
                    "start_milliseconds": .integer(Int64(milliseconds)),
                ])
            warnAboutSandbox(description.sandbox)
            takeNote(of: description.screen)
        }
    }

    /// Says once which walls are missing.
    private func warnAboutSandbox(_ features: SandboxFeatures) {
        guard features != reportedSandbox else { return }
        reportedSandbox = features
        let missing = SandboxFeatures.all.subtracting(features).names
        guard !missing.isEmpty else { return }
        log.warning("worker_sandbox_degraded", ["missing": .array(missing.map(JSONValue.string))])
    }

    /// Says once what is wrong with the screen.
    private func takeNote(of screen: ScreenReport) {
        if case .ready(let sha256, _) = screen { lastScreenSHA256 = sha256 }
        guard screen != reportedScreen else { return }
        reportedScreen = screen
        guard case .unusable(let text) = screen else { return }
        log.warning(
            "screen_unusable", ["error": .string(text), "consequence": "every image is scored by the exact model"])
    }

    func readStandardError(of slot: WorkerSlot) {
        guard let process = slot.process else { return }
        switch process.readStandardError() {
        case .nothing: break
        case .lines(let lines): logLines(lines, of: slot)
        case .flood:
            log.error("worker_output_flood", ["process": self.process(of: slot)])
            end(slot, .protocolViolation)
        }
    }

    private func logLines(_ lines: [String], of slot: WorkerSlot) {
        for line in lines {
            log.warning("worker_output", ["process": process(of: slot), "line": .string(line)])
        }
    }

    func process(of slot: WorkerSlot) -> JSONValue { JSONValue(slot.process.map { Int64($0.child.id) }) }
}

extension UnavailableReason {
    fileprivate init(_ failure: StartFailure) {
        self =
            switch failure {
            case .noModel: .noModel
            case .noRuntime: .noRuntime
            case .invalidModel, .selfTestFailed: .invalidModel
            case .invalidArguments, .sandboxFailed, .outOfMemory: .noWorker
            }
    }
}
