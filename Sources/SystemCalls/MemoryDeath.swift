import CSystemCalls
import Glibc

/// Tells a process that died because it found no memory from one that died of something else.
package enum MemoryDeath {
    /// From now on a fault or an abort ends this process with the exit status, where the last call that failed before it
    /// found no memory; otherwise by its signal, as ever. It must be called before the sandbox is entered, by a process
    /// of one thread. It changes nothing in a build with AddressSanitizer.
    package static func report(asExitStatus status: CInt) throws(SystemCallError) {
        guard csystemcalls_exit_for_memory(status) == 0 else { throw SystemCallError("sigaction", errno) }
    }

    /// Work begins for which what failed before is of no interest.
    package static func forgetEarlierFailures() { csystemcalls_forget_error() }
}
