import Glibc

/// One system call that does not kill: it stays allowed, with any arguments or with one argument fixed, or it fails.
struct SystemCallRule: Sendable {
    var name: StaticString
    var argument: Int?
    var mask: UInt64 = 0
    var value: UInt64 = 0
    /// 0 where the call is allowed.
    var error: CInt = 0

    static func any(_ name: StaticString) -> SystemCallRule { SystemCallRule(name: name, argument: nil) }

    /// A 32-bit argument with this value.
    static func only(_ name: StaticString, argument: Int, _ value: CInt) -> SystemCallRule {
        SystemCallRule(
            name: name, argument: argument, mask: 0xffff_ffff, value: UInt64(UInt32(bitPattern: value)))
    }

    /// Fails with EPERM instead of killing.
    static func refused(_ name: StaticString) -> SystemCallRule {
        SystemCallRule(name: name, argument: nil, error: EPERM)
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
            // Its allocator yields when it contends, and its report asks for the stack and for the terminal. What the
            // report would read from files it does without; symbols need another process (symbolize=0).
            rules += ["sched_yield", "sigaltstack", "getrusage", "rt_sigaction"].map(SystemCallRule.any)
            rules.append(.only("ioctl", argument: 0, 2))
            rules += ["open", "openat", "readlink", "readlinkat", "prctl", "pipe", "pipe2"].map(SystemCallRule.refused)
        }
        return rules
    }
}
