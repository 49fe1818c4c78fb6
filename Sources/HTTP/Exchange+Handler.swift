import Domain
import Synchronization

// The calls of the handler's task.
extension Exchange {
    /// See `RequestBody.read(into:)`.
    func read(into sink: any BodySink) async throws(Failure) -> BodyProgress {
        if let gathered = takeGathered() { return try deliver(gathered, to: sink) }
        let result = await withCheckedContinuation { waiter in
            if let known = beginReading(into: sink, waiter) { waiter.resume(returning: known) }
        }
        return try result.get()
    }

    private func takeGathered() -> [UInt8]? {
        state.withLock { state in
            defer { state.gathered = nil }
            return state.phase == .ended ? state.gathered : nil
        }
    }

    private func deliver(_ bytes: [UInt8], to sink: any BodySink) throws(Failure) -> BodyProgress {
        do throws(Failure) {
            // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
            let demand = unsafe try sink.receive(bytes.span.bytes)
            return demand == .more ? .ended : .paused
        } catch {
            state.withLock { $0.readFailure = error }
            throw error
        }
    }

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
