import Glibc

/// One system call that stays allowed, with any arguments or with one argument fixed.
struct SystemCallRule: Sendable {
    var name: StaticString
    var argument: Int?
    var mask: UInt64 = 0
    var value: UInt64 = 0

    static func any(_ name: StaticString) -> SystemCallRule { SystemCallRule(name: name, argument: nil) }

    /// A 32-bit argument with this value.
    static func only(_ name: StaticString, argument: Int, _ value: CInt) -> SystemCallRule {
        SystemCallRule(
            name: name, argument: argument, mask: 0xffff_ffff, value: UInt64(UInt32(bitPattern: value)))
    }

    /// A protection argument without execution.
    static func notExecutable(_ name: StaticString, argument: Int) -> SystemCallRule {
        SystemCallRule(name: name, argument: argument, mask: UInt64(PROT_EXEC), value: 0)
    }

    /// All that a worker calls between two messages, measured with strace; the reasons stand beside.
    static func worker(channel: CInt, process: CInt, addressSanitizer: Bool) -> [SystemCallRule] {
        var rules: [SystemCallRule] = [
            // Its one socket. Descriptors that it would send are discarded by the service.
            .only("recvmsg", argument: 0, channel), .only("sendmsg", argument: 0, channel),
            // The file that it was given. Not newfstatat, which takes a path as well.
            .any("fstat"), .any("close"),
            // Memory that is never executable.
            .notExecutable("mmap", argument: 2), .notExecutable("mprotect", argument: 2), .any("munmap"),
            .any("mremap"), .any("madvise"), .any("brk"),
            // Locks, seeds of hash tables, clocks.
            .any("futex"), .any("getrandom"), .any("clock_gettime"),
            // A last word on standard error, and abort, on itself only.
            .only("write", argument: 0, 2), .any("gettid"), .any("getpid"), .any("rt_sigprocmask"),
            .only("tgkill", argument: 0, process),
            .any("rt_sigreturn"), .any("restart_syscall"), .any("exit_group"),
        ]
        if addressSanitizer {
            // Its allocator yields when it contends; a report looks for the stack and for names of the program.
            rules += ["sched_yield", "sigaltstack", "readlink", "readlinkat", "getrusage"].map(SystemCallRule.any)
        }
        return rules
    }
}
