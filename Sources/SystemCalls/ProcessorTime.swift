import Glibc

package enum ProcessorTime {
    /// Seconds of processor time that this process has used.
    package static func seconds() -> Double {
        var time = timespec()
        let status = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        precondition(status == 0, "the process clock cannot be read")
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
