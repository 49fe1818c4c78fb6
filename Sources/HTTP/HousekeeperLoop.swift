import Domain
import Execution
import Glibc
import Telemetry

/// What the housekeeper's thread does and owns.
struct HousekeeperLoop {
    private let server: ServerCore
    private let housekeeper: Housekeeper
    private var answers: [LingeringAnswer] = []
    /// No accepting before this moment, because the process had run out of something.
    private var acceptAgainAt: Int64 = 0
    private var nextTick: Int64 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(_ server: ServerCore, _ housekeeper: Housekeeper) {
        self.server = server
        self.housekeeper = housekeeper
    }

    mutating func run(whenLingeringEnded lingeringEnded: Execution.Semaphore) {
        var isClosed = false
        while true {
            let ready = wait()
            let now = Clock.milliseconds()
            let state = housekeeper.takeState()
            let isTick = now >= nextTick
            // At a tick all of them, for those whose time is over.
            let known = answers.count
            answers += state.inbox
            proceed(now: now) { index in isTick || index >= known || (index < ready.count && ready[index]) }
            if state.isClosed && !isClosed {
                for answer in answers { answer.exchange.lingeringEnded() }
                answers = []
                isClosed = true
                lingeringEnded.signal()
            }
            if state.isStopped { return }
            if isTick {
                nextTick = now + housekeeper.tickMilliseconds
                server.checkDeadlines(now: now)
            }
        }
    }

    /// Waits until something is to be done, one tick at most, and accepts the connections that are there. Gives for each
    /// answer whether its socket is ready.
    private mutating func wait() -> [Bool] {
        var watched = [pollfd(fd: housekeeper.wakeUp.descriptor, events: Int16(POLLIN), revents: 0)]
        // Out of room, or of descriptors: connections wait in the backlog.
        let accepts = server.hasRoom && Clock.milliseconds() >= acceptAgainAt
        // A negative descriptor is passed over.
        let socket = accepts ? housekeeper.withListeningSocket { $0 } ?? -1 : -1
        watched.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0))
        for answer in answers {
            watched.append(
                pollfd(fd: answer.descriptor, events: Int16(answer.isSent ? POLLIN : POLLOUT), revents: 0))
        }
        let ready = unsafe watched.withUnsafeMutableBufferPointer { watched in
            unsafe poll(watched.baseAddress, nfds_t(watched.count), Int32(housekeeper.tickMilliseconds))
        }
        guard ready > 0 else { return [] }
        if watched[0].revents != 0 { housekeeper.wakeUp.clear(buffer: &buffer) }
        if watched[1].revents != 0 { accept() }
        return watched.dropFirst(2).map { $0.revents != 0 }
    }

    /// Sends and drains what can be without waiting, and ends what is done or late.
    private mutating func proceed(now: Int64, where isWanted: (Int) -> Bool) {
        var kept: [LingeringAnswer] = []
        kept.reserveCapacity(answers.count)
        for (index, var answer) in answers.enumerated() {
            if isWanted(index) {
                let progress = answer.proceed(now: now, buffer: &buffer)
                if progress == .over || answer.isExpired(now: now, isStopping: server.isStopping) {
                    // Its connection resumes, and libmicrohttpd may then close the socket.
                    answer.exchange.lingeringEnded()
                    continue
                }
            }
            kept.append(answer)
        }
        answers = kept
    }

    private mutating func accept() {
        let server = server
        let failure = housekeeper.withListeningSocket { socket -> Int32? in
            // Not for ever: others wait as well.
            for _ in 0..<64 where server.hasRoom {
                if let code = server.acceptConnection(from: socket) { return code }
            }
            return nil
        }
        guard let code = failure ?? nil else { return }
        switch code {
        case EAGAIN, EINTR, ECONNABORTED, EPROTO: return
        default:
            server.log.warning("http.accept_failed", ["error": .string(SystemError.text(code))])
            acceptAgainAt = Clock.milliseconds() + 100
        }
    }
}
