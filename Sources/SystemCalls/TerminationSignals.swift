import Glibc

package enum TerminationSignals {
    /// Leaves the end of this process to its parent: a supervisor or terminal that signals a whole service at once must
    /// not end the workers of scans that the service still wants to finish.
    package static func ignore() {
        for number in [SIGTERM, SIGINT, SIGHUP] { _ = signal(number, SIG_IGN) }
    }
}
