import Domain
import Synchronization
import Telemetry

// The calls of the connection's thread.
extension Exchange {
    /// What libmicrohttpd is told after a call.
    enum Step: Sendable {
        /// Go on, or stay suspended.
        case proceed
        case close
    }

    /// The header section is complete: checks it, and starts the handler where there is a large body to come. Else the
    /// handler starts at a later call, at which the request is complete and an answer lets the connection live on.
    func headArrived(_ raw: RawHead) -> Step {
        let isInTime = client.headArrived()
        let id = RequestID.choose(from: raw.fields)
        let checked = check(raw, id: id)
        return state.withLock { state in
            state.entry.describe(raw, id: id)
            guard state.phase == .head, isInTime else {
                state.phase = .closing
                return .close
            }
            guard case .success(let head) = checked, !server.isStopping else {
                var failure = Failure(.shuttingDown, retryAfterSeconds: 1)
                if case .failure(let found) = checked { failure = found }
                return linger(Response(failure: failure), &state) ? .proceed : .close
            }
            state.head = head
            guard head.hasBody else {
                state.phase = .bodiless
                state.isPastHead = true
                return .proceed
            }
            guard let size = gatheredBytes(of: head) else { return start(.handling, &state) }
            state.phase = .gathering
            state.gathered = []
            state.gathered?.reserveCapacity(size)
            state.pace.start(now: Clock.milliseconds())
            return .proceed
        }
    }

    /// The size of a body that is to be read before its handler runs; nil for any other.
    private func gatheredBytes(of head: RequestHead) -> Int? {
        guard let size = head.contentLength, size <= server.configuration.maximumGatheredBytes, !head.expectsContinue,
            head.method != .put
        else { return nil }
        return Int(size)
    }

    private func check(_ raw: RawHead, id: String) -> Result<RequestHead, Failure> {
        let limits = server.configuration
        do throws(Failure) {
            return .success(
                try RequestHead(
                    checking: raw, id: id, remoteAddress: client.remoteAddress, maximumBytes: limits.maximumHeaderBytes,
                    maximumFields: limits.maximumHeaderFields))
        } catch {
            return .failure(error)
        }
    }

    /// Suspends the connection and lets the handler run.
    private func start(_ phase: Phase, _ state: inout State) -> Step {
        guard let head = state.head, suspend(&state) else {
            state.phase = .closing
            return .close
        }
        state.phase = phase
        let body = RequestBody(
            exchange: self, contentLength: head.contentLength, isWhole: phase == .ended, gathered: state.gathered)
        state.gathered = nil
        let request = Request(head: head, body: body)
        state.task = Task(executorPreference: server.executor) { [self] in
            finish(await server.handler(request))
        }
        return .proceed
    }

    /// The result of a slice of the body.
    enum Slice: Sendable {
        case taken
        /// Kept by libmicrohttpd for later.
        case left
        case close
    }

    /// A slice of the body is there. The sink runs outside the lock: it may write to a file.
    func bodyArrived(_ bytes: RawSpan) -> Slice {
        let (slice, sink) = state.withLock { state -> (Slice, (any BodySink)?) in
            switch state.phase {
            case .reading:
                state.isDelivering = true
                return (.close, state.sink)
            case .gathering:
                // Copied before the call returns. There are no more than were announced.
                unsafe bytes.withUnsafeBytes { unsafe state.gathered?.append(contentsOf: $0) }
                state.received(bytes.byteCount)
                return (.taken, nil)
            case .expired: return (.taken, nil)
            // Where no body is expected nobody would resume the connection.
            case .head, .bodiless, .answering, .sending, .closing, .finished: return (.close, nil)
            // Suspended in the middle of a chunked slice, or while the handler thinks. Under the same lock as the look at
            // the phase: were the reader to come in between, its connection would be suspended with nobody to resume it.
            case .handling, .paused, .ended, .lingering: return (suspend(&state) ? .left : .close, nil)
            }
        }
        guard let sink else { return slice }
        return settle(deliver(bytes, to: sink), count: bytes.byteCount)
    }

    private func deliver(_ bytes: RawSpan, to sink: any BodySink) -> Result<BodyDemand, Failure> {
        do throws(Failure) {
            return .success(try sink.receive(bytes))
        } catch {
            return .failure(error)
        }
    }

    private func settle(_ outcome: Result<BodyDemand, Failure>, count: Int) -> Slice {
        let now = Clock.milliseconds()
        let (slice, waiter, result) = state.withLock { state -> (Slice, Waiter?, Result<BodyProgress, Failure>) in
            state.received(count)
            state.isDelivering = false
            var result = Result<BodyProgress, Failure>.success(.paused)
            // While the sink ran, the body may have expired or been cut; then its reader knows already.
            switch (state.phase, outcome) {
            case (.reading, .success(.more)), (.expired, _): return (.taken, nil, result)
            case (.reading, .success(.pause)): break
            case (.reading, .failure(let failure)):
                state.readFailure = failure
                result = .failure(failure)
            default: return (.close, nil, result)
            }
            state.pace.pause(now: now)
            let waiter = state.waiter
            state.waiter = nil
            state.sink = nil
            guard suspend(&state) else {
                state.phase = .closing
                return (.close, waiter, .failure(Failure(.shuttingDown)))
            }
            state.phase = .paused
            return (.taken, waiter, result)
        }
        waiter?.resume(returning: result)
        return slice
    }

    typealias Waiter = CheckedContinuation<Result<BodyProgress, Failure>, Never>

    /// libmicrohttpd calls without body bytes: to ask whether the body may come, or because the request is complete and
    /// it wants an answer.
    func called() -> Step {
        let now = Clock.milliseconds()
        let (step, waiter, answer) = state.withLock { state -> (Step, Waiter?, Response?) in
            switch state.phase {
            case .reading where !state.isPastHead:
                state.isPastHead = true
                return (.proceed, nil, nil)
            case .reading:
                let waiter = state.waiter
                state.waiter = nil
                state.sink = nil
                state.pace.pause(now: now)
                guard suspend(&state) else {
                    state.phase = .closing
                    return (.close, waiter, nil)
                }
                state.phase = .ended
                return (.proceed, waiter, nil)
            case .bodiless, .gathering: return (start(.ended, &state), nil, nil)
            case .answering:
                state.phase = .sending
                let answer = state.answer
                state.answer = nil
                return (.proceed, nil, answer)
            case .sending: return (.proceed, nil, nil)
            case .handling, .paused, .ended, .lingering: return (suspend(&state) ? .proceed : .close, nil, nil)
            case .head, .expired, .closing, .finished: return (.close, nil, nil)
            }
        }
        waiter?.resume(returning: step == .proceed ? .success(.ended) : .failure(Failure(.shuttingDown)))
        guard let answer else { return step }
        return queue(answer)
    }

    private func queue(_ answer: Response) -> Step {
        let (id, method) = state.withLock { ($0.entry.id, $0.head?.method) }
        let (fields, refused) = answer.wireFields(requestID: id, closes: server.isStopping)
        server.reportRefusedFields(refused, requestID: id)
        guard client.daemon.queue(answer, fields: fields) else {
            server.log.error("http.answer_not_queued", ["request_id": .string(id)])
            return .close
        }
        state.withLock { $0.entry.answered(answer, method) }
        return .proceed
    }
}
