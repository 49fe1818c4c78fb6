import CSystemCalls
import Glibc

/// A process that this one started. It must be reaped, or it stays as a zombie.
package struct ChildProcess: Sendable {
    package let id: CInt

    /// How a process ended.
    package enum Ending: Hashable, Sendable {
        case exited(CInt)
        case killed(signal: CInt)
    }

    /// Starts `executable` with standard input and output on /dev/null, `standardError` and `channel` (both borrowed)
    /// as descriptors 2 and `channelNumber`, and no other; with default signal handling; in its own process group, so
    /// that a terminal's Ctrl-C does not reach it. Whoever watches for its parent's death watches the calling thread.
    package init(
        executable: String, arguments: [String], environment: [String], standardError: CInt, channel: CInt,
        channelNumber: CInt
    ) throws(SystemCallError) {
        var actions = try SpawnActions()
        try actions.open("/dev/null", O_RDONLY, as: 0)
        try actions.open("/dev/null", O_WRONLY, as: 1)
        // The channel must not lie where standard error goes, which is written first.
        let channel = try OwnedDescriptor(owning: Self.duplicate(channel, from: channelNumber + 1))
        try actions.duplicate(standardError, as: 2)
        try actions.duplicate(channel.rawValue, as: channelNumber)
        try actions.closeFrom(channelNumber + 1)
        let attributes = try SpawnAttributes()
        id = try actions.spawn(executable, attributes, [executable] + arguments, environment)
    }

    /// Kills it. One that has ended stays as it is: its number is taken until it is reaped.
    package func kill() { _ = Glibc.kill(id, SIGKILL) }

    /// How it ended, or nil while it runs. Call it no more once it has answered.
    package func reap() throws(SystemCallError) -> Ending? {
        var status: CInt = 0
        var result: CInt
        // The call writes one integer.
        repeat { result = unsafe waitpid(id, &status, WNOHANG) } while result < 0 && errno == EINTR
        guard result >= 0 else { throw SystemCallError("waitpid", errno) }
        guard result == id else { return nil }
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }

    private static func duplicate(_ descriptor: CInt, from lowest: CInt) throws(SystemCallError) -> CInt {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest)
        guard copy >= 0 else { throw SystemCallError("fcntl(F_DUPFD_CLOEXEC)", errno) }
        return copy
    }
}

/// What happens in the new process before it runs the executable.
@safe private struct SpawnActions: ~Copyable {
    private var actions = unsafe posix_spawn_file_actions_t()

    init() throws(SystemCallError) {
        // The structure stays in this value, which is never copied.
        try Self.check("posix_spawn_file_actions_init", unsafe posix_spawn_file_actions_init(&actions))
    }

    deinit {
        // Destroying frees what the structure points to; a deinit sees its value as immutable, hence the copy.
        var actions = unsafe actions
        unsafe posix_spawn_file_actions_destroy(&actions)
    }

    mutating func open(_ path: String, _ flags: CInt, as number: CInt) throws(SystemCallError) {
        // The call copies the path.
        let status = unsafe posix_spawn_file_actions_addopen(&actions, number, path, flags, 0)
        try Self.check("posix_spawn_file_actions_addopen", status)
    }

    mutating func duplicate(_ descriptor: CInt, as number: CInt) throws(SystemCallError) {
        let status = unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, number)
        try Self.check("posix_spawn_file_actions_adddup2", status)
    }

    mutating func closeFrom(_ first: CInt) throws(SystemCallError) {
        let status = unsafe csystemcalls_add_close_from(&actions, first)
        try Self.check("posix_spawn_file_actions_addclosefrom_np", status)
    }

    mutating func spawn(
        _ executable: String, _ attributes: borrowing SpawnAttributes, _ arguments: [String], _ environment: [String]
    ) throws(SystemCallError) -> pid_t {
        var id: pid_t = 0
        // The strings live until they are freed below; the call copies them into the new process.
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (argumentPointers + environmentPointers).forEach { unsafe free($0) } }
        var attributes = attributes.attributes
        let status = unsafe posix_spawn(
            &id, executable, &actions, &attributes, &argumentPointers, &environmentPointers)
        try Self.check("posix_spawn(\(executable))", status)
        return id
    }

    private static func check(_ call: String, _ status: CInt) throws(SystemCallError) {
        guard status == 0 else { throw SystemCallError(call, status) }
    }
}

/// Signals and process group of the new process.
private struct SpawnAttributes: ~Copyable {
    private(set) var attributes = posix_spawnattr_t()

    init() throws(SystemCallError) {
        var signals = sigset_t()
        // Each call reads or writes structures that outlive it.
        var status = unsafe posix_spawnattr_init(&attributes)
        unsafe sigemptyset(&signals)
        if status == 0 { status = unsafe posix_spawnattr_setsigmask(&attributes, &signals) }
        unsafe sigfillset(&signals)
        if status == 0 { status = unsafe posix_spawnattr_setsigdefault(&attributes, &signals) }
        if status == 0 { status = unsafe posix_spawnattr_setpgroup(&attributes, 0) }
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        if status == 0 { status = unsafe posix_spawnattr_setflags(&attributes, Int16(flags)) }
        guard status == 0 else { throw SystemCallError("posix_spawnattr_init", status) }
    }

    deinit {
        var attributes = attributes
        unsafe posix_spawnattr_destroy(&attributes)
    }
}
