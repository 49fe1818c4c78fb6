/// How long to wait before a worker that died is replaced: not at all at first, then longer with each death that
/// follows without success in between.
struct RestartBackoff {
    private var deaths = 0

    static let firstSeconds = 0.1
    static let maximumSeconds = 5.0
    /// A worker that stayed this long counts as a success.
    static let steadySeconds = 10.0

    mutating func succeeded() { deaths = 0 }

    /// Counts a death; seconds until the replacement.
    mutating func died() -> Double {
        deaths += 1
        guard deaths > 1 else { return 0 }
        var seconds = Self.firstSeconds
        for _ in 2..<deaths where seconds < Self.maximumSeconds { seconds *= 2 }
        return min(seconds, Self.maximumSeconds)
    }
}
