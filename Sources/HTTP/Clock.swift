import Telemetry

/// Moments for deadlines.
enum Clock {
    /// Milliseconds on a clock that never jumps.
    static func milliseconds() -> Int64 { Int64(SystemTime.monotonicSeconds() * 1000) }
}
