/// Whether a body arrives fast enough, counting only the time in which the service was ready for it.
struct BodyPace: Sendable {
    /// Of the current window, up to the last pause.
    private var elapsedMilliseconds: Int64 = 0
    private var bytes: Int64 = 0
    /// Nil while the service lets the body wait.
    private var runningSince: Int64?

    mutating func start(now: Int64) { runningSince = now }

    mutating func pause(now: Int64) {
        if let runningSince { elapsedMilliseconds += now - runningSince }
        runningSince = nil
    }

    mutating func received(_ count: Int) { bytes += Int64(count) }

    /// At the end of a window: whether it brought less than the floor. Otherwise the next window begins.
    mutating func isTooSlow(now: Int64, windowMilliseconds: Int64, minimumBytesPerSecond: Int64) -> Bool {
        guard let runningSince else { return false }
        let elapsed = elapsedMilliseconds + now - runningSince
        guard elapsed >= windowMilliseconds else { return false }
        if bytes * 1000 < minimumBytesPerSecond * elapsed { return true }
        elapsedMilliseconds = 0
        bytes = 0
        self.runningSince = now
        return false
    }
}
