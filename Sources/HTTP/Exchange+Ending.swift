import CMicrohttpd
import Domain
import Synchronization
import Telemetry

// The ways out of an exchange other than a plain answer.
extension Exchange {
    /// Lets the housekeeper answer, drain and then end the connection, which stays suspended meanwhile. False when it
    /// could not be suspended.
    func linger(_ response: Response, _ state: inout State) -> Bool {
        guard suspend(&state) else {
            state.phase = .closing
            return false
        }
        state.phase = .lingering
        let (fields, refused) = response.wireFields(requestID: state.entry.id, closes: true)
        server.reportRefusedFields(refused, requestID: state.entry.id)
        state.entry.answered(response, state.head?.method)
        let answer = LingeringAnswer(
            exchange: self, head: response.serializedHead(fields: fields, now: SystemTime().now()),
            body: response.sentLength(to: state.head?.method) > 0 ? response.body : .empty,
            limits: server.configuration)
        if !server.housekeeper.linger(answer) { cut(&state) }
        return true
    }

    /// The housekeeper has sent the whole answer.
    func lingeringAnswerSent() { writeAccessEntry(isAborted: false) }

    /// The housekeeper is done: the connection ends now.
    func lingeringEnded() {
        state.withLock { state in
            guard state.phase == .lingering else { return }
            cut(&state)
        }
    }

    /// Ends the connection: libmicrohttpd finds it broken, and closes it.
    func cut(_ state: inout State) {
        state.phase = .closing
        Socket.cut(client.descriptor)
        resume(&state)
    }

    /// The server stops and waits no longer.
    func cutForShutdown() {
        let waiter = state.withLock { state -> Waiter? in
            switch state.phase {
            // The housekeeper ends this one itself: it watches the socket.
            case .lingering, .finished: return nil
            case .head, .bodiless, .gathering, .handling, .reading, .paused, .ended, .answering, .sending, .expired,
                .closing:
                state.task?.cancel()
                if state.readFailure == nil { state.readFailure = Failure(.shuttingDown) }
                state.sink = nil
                let waiter = state.waiter
                state.waiter = nil
                cut(&state)
                return waiter
            }
        }
        waiter?.resume(returning: .failure(Failure(.shuttingDown)))
    }

    /// Ends a body that comes too slowly, or that ended too early without libmicrohttpd noticing: an answer at once, by
    /// hand, and a moment later the end of the connection.
    ///
    /// An end that arrives together with the last data goes unnoticed: the socket is watched edge-triggered, and a read
    /// that was not filled counts as having emptied it, so that no further edge comes. Only an end that has lasted counts: the
    /// last data may be on its way from libmicrohttpd's buffer.
    func checkBody(now: Int64) {
        let limits = server.configuration
        let ended = state.withLock { state -> (Waiter?, Failure)? in
            if now >= state.cutAt, state.phase == .expired { cut(&state) }
            guard state.phase == .reading || state.phase == .gathering else { return nil }
            let isTooSlow = state.pace.isTooSlow(
                now: now, windowMilliseconds: limits.bodyWindowMilliseconds,
                minimumBytesPerSecond: limits.minimumBodyBytesPerSecond)
            guard isTooSlow || hasEndedForLong(&state, now: now) else { return nil }
            let failure: Failure = isTooSlow ? .slowBody : Failure(.truncatedBody)
            state.phase = .expired
            state.cutAt = now + min(1_000, limits.drainIdleMilliseconds)
            state.readFailure = failure
            state.sink = nil
            state.gathered = nil
            // libmicrohttpd writes nothing while it reads a body, and cannot close the socket before `completed`,
            // which waits for this lock.
            let response = Response(failure: failure)
            Socket.sendNow(client.descriptor, server.handWritten(response, requestID: state.entry.id))
            Socket.endSending(client.descriptor)
            state.entry.answered(response, state.head?.method)
            let waiter = state.waiter
            state.waiter = nil
            return (waiter, failure)
        }
        guard let (waiter, failure) = ended else { return }
        writeAccessEntry(isAborted: false)
        waiter?.resume(returning: .failure(failure))
    }

    private func hasEndedForLong(_ state: inout State, now: Int64) -> Bool {
        guard !state.isDelivering, Socket.hasEnded(client.descriptor) else {
            state.endSeenAt = nil
            return false
        }
        let since = state.endSeenAt ?? now
        state.endSeenAt = since
        return now - since >= Self.endMilliseconds
    }

    private static let endMilliseconds: Int64 = 100

    /// libmicrohttpd is done with the request, in whatever way. Called on the connection's thread, before the socket
    /// closes.
    func completed(_ reason: MHD_RequestTerminationCode) {
        let status = client.daemon.status
        let (waiter, failure, isAnswered) = state.withLock { state -> (Waiter?, Failure, Bool) in
            // A client that has shut down its sending side looks like one that left, but may be reading still.
            let isHandWritten = state.phase == .answering && answerAtLast(&state)
            // libmicrohttpd answers some malformed requests by itself.
            let isRefused = state.phase != .sending && status >= 400
            let isMalformed = state.phase == .reading && isRefused
            let failure =
                state.readFailure
                ?? (isMalformed
                    ? Failure(.badRequest, "The chunked coding of the body is malformed.") : Failure(.truncatedBody))
            if state.entry.status == 0 { state.entry.status = status }
            state.phase = .finished
            state.readFailure = failure
            state.sink = nil
            state.gathered = nil
            state.task = nil
            state.answer = nil
            let waiter = state.waiter
            state.waiter = nil
            return (waiter, failure, isRefused || isHandWritten)
        }
        client.requestCompleted(now: Clock.milliseconds())
        waiter?.resume(returning: .failure(failure))
        writeAccessEntry(isAborted: reason != .REQUEST_TERMINATED_COMPLETED_OK && !isAnswered)
        server.exchangeEnded()
    }

    /// Answers by hand, as far as that goes without waiting, where libmicrohttpd ended the connection before it asked for
    /// the answer. False when nothing was sent, or not all.
    private func answerAtLast(_ state: inout State) -> Bool {
        guard let answer = state.answer else { return false }
        if case .file = answer.body, answer.sentLength(to: state.head?.method) > 0 { return false }
        state.entry.answered(answer, state.head?.method)
        return Socket.sendNow(
            client.descriptor, server.handWritten(answer, requestID: state.entry.id, to: state.head?.method))
    }

    /// Writes the request's line in the access log, once.
    private func writeAccessEntry(isAborted: Bool) {
        let entry = state.withLock { state -> AccessEntry? in
            guard !state.entry.isWritten else { return nil }
            state.entry.isWritten = true
            return state.entry
        }
        if let entry { server.record(entry, isAborted: isAborted) }
    }
}

extension Failure {
    fileprivate static let slowBody = Failure(.requestTimeout, "The body arrived too slowly.")
}
