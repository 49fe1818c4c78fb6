import CSeccomp
import Glibc

/// Gives up everything that this process does not need for decoding bytes that it is handed.
package enum Confinement {
    /// Enters the sandbox, for good: whatever is opened lazily must have been touched before, as no file and no thread
    /// can be had afterwards. Call it from the only thread.
    ///
    /// The order matters: groups before the user, death with the parent after the change of user (which resets it),
    /// the filter last, because it forbids what the other steps call.
    package static func enter(_ configuration: SandboxConfiguration) throws(SandboxError) -> SandboxReport {
        let status = try ProcessStatus()
        guard status.threads == 1 else { throw .severalThreads(status.threads) }

        let isUnprivileged = try becomeUnprivileged(configuration)
        try check("capset", csandbox_drop_capabilities())
        try check("prctl(PR_SET_PDEATHSIG)", csandbox_die_with_parent())
        // The parent may have died before its death was watched: the process then belongs to another one.
        guard getppid() == configuration.parent else { throw .orphaned }

        let memoryLimit = try limitResources(configuration, mapped: status.virtualMemoryBytes)
        try check("close_range", csandbox_close_from(UInt32(configuration.channel) + 1))
        try check("prctl(PR_SET_NO_NEW_PRIVS)", csandbox_set_no_new_privileges())
        try check("prctl(PR_SET_DUMPABLE)", csandbox_set_not_dumpable())
        let landlockVersion = try denyWithLandlock()
        try filterSystemCalls(channel: configuration.channel)
        return SandboxReport(
            landlockVersion: landlockVersion, isUnprivileged: isUnprivileged, memoryLimitBytes: memoryLimit)
    }

    private static func becomeUnprivileged(_ configuration: SandboxConfiguration) throws(SandboxError) -> Bool {
        guard geteuid() == 0 else { return true }
        let number = csandbox_become(configuration.group, configuration.user)
        // Root without the capability, or in a user namespace that does not map the user: degraded, and reported.
        if number == EPERM || number == EINVAL { return false }
        try check("setresuid", number)
        guard !csandbox_can_become_root() else { throw .privilegesRemain }
        return true
    }

    /// Returns the limit of the address space.
    private static func limitResources(
        _ configuration: SandboxConfiguration, mapped: UInt64
    ) throws(SandboxError) -> UInt64? {
        try limit(RLIMIT_CPU, "RLIMIT_CPU", configuration.processorSeconds)
        try limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", SandboxConfiguration.maximumDescriptors)
        try limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", 0)
        try limit(RLIMIT_CORE, "RLIMIT_CORE", 0)
        try limit(__RLIMIT_NPROC, "RLIMIT_NPROC", 0)
        guard !csandbox_has_address_sanitizer() else { return nil }
        let memory = mapped + configuration.memoryHeadroomBytes
        try limit(RLIMIT_AS, "RLIMIT_AS", memory)
        return memory
    }

    private static func limit(
        _ resource: __rlimit_resource, _ name: String, _ value: UInt64
    ) throws(SandboxError) {
        var current = rlimit()
        let kind = __rlimit_resource_t(resource.rawValue)
        // The call reads and writes one structure that outlives it.
        guard unsafe getrlimit(kind, &current) == 0 else { throw .system(step: "getrlimit(\(name))", number: errno) }
        // A limit that is lower already stays.
        let bounded = min(rlim_t(value), current.rlim_max)
        var wanted = rlimit(rlim_cur: bounded, rlim_max: bounded)
        guard unsafe setrlimit(kind, &wanted) == 0 else { throw .system(step: "setrlimit(\(name))", number: errno) }
    }

    private static func denyWithLandlock() throws(SandboxError) -> Int? {
        let version = csandbox_deny_with_landlock()
        if version > 0 { return Int(version) }
        // Built without it, or not enabled at boot, or hidden by a container's own filter.
        if [ENOSYS, EOPNOTSUPP, EPERM].contains(-version) { return nil }
        throw .system(step: "landlock", number: -version)
    }

    private static func filterSystemCalls(channel: CInt) throws(SandboxError) {
        let rules = SystemCallRule.worker(
            channel: channel, process: getpid(), addressSanitizer: csandbox_has_address_sanitizer())
        // A static string ends with a zero and never moves.
        let raw = unsafe rules.map { rule in
            unsafe csandbox_rule(
                name: UnsafeRawPointer(rule.name.utf8Start).assumingMemoryBound(to: CChar.self),
                argument: CInt(rule.argument ?? -1), mask: rule.mask, value: rule.value, error: rule.error)
        }
        try check("seccomp", unsafe csandbox_filter_system_calls(raw, CInt(raw.count)))
    }

    private static func check(_ step: String, _ number: CInt) throws(SandboxError) {
        guard number == 0 else { throw .system(step: step, number: number) }
    }
}
