import Domain
import Synchronization

// The calls of the handler's task.
extension Exchange {
    /// See `RequestBody.read(into:)`.
    func read(into sink: any BodySink) async throws(Failure) -> BodyProgress {
        let result = await withCheckedContinuation { waiter in
            if let known = beginReading(into: sink, waiter) { waiter.resume(returning: known) }
        }
        return try result.get()
    }

    /// What a sink threw stays: nothing more of the body is handed out.
    func fail(_ failure: Failure) { state.withLock { $0.readFailure = failure } }

    /// Lets the body flow; nil when the waiter will be told, else what is known already.
    private func beginReading(into sink: any BodySink, _ waiter: Waiter) -> Result<BodyProgress, Failure>? {
        let now = Clock.milliseconds()
        return state.withLock { state in
            if let failure = state.readFailure { return .failure(failure) }
            switch state.phase {
            case .handling, .paused:
                state.phase = .reading
                state.sink = sink
                state.waiter = waiter
                state.pace.start(now: now)
                state.endSeenAt = nil
                resume(&state)
                return nil
            case .ended: return .success(.ended)
            case .finished, .closing, .expired: return .failure(Failure(.truncatedBody))
            case .head, .bodiless, .gathering, .reading, .answering, .sending, .lingering:
                return .failure(
                    Failure(.internal, privateDetail: "the body was read twice at a time, or after the answer"))
            }
        }
    }

    /// The handler's answer. A complete request is answered by libmicrohttpd; for an answer before the end of the body,
    /// the housekeeper sends it and closes the connection with care. Where nobody waits any more, it is dropped.
    func finish(_ response: Response) {
        state.withLock { state in
            switch state.phase {
            case .ended:
                state.phase = .answering
                state.answer = response
                resume(&state)
            case .handling, .paused: _ = linger(response, &state)
            // The handler left while its own read was under way: nothing can be answered in order any more.
            case .reading: cut(&state)
            case .head, .bodiless, .gathering, .answering, .sending, .lingering, .expired, .closing, .finished: break
            }
        }
    }
}
