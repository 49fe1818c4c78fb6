import Glibc

package enum Clocks {
    /// Seconds on a clock that never jumps, for durations.
    package static func monotonicSeconds() -> Double { read(CLOCK_MONOTONIC) }

    /// Seconds of processor time that this process has used.
    package static func processorSeconds() -> Double { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        // The call writes one structure.
        let status = unsafe clock_gettime(clock, &time)
        precondition(status == 0, "the clock \(clock) cannot be read")
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
