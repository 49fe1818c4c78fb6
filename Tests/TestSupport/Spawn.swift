import Glibc

/// posix_spawn with what the tests need: no inherited descriptor but the three standard ones, default signals.
enum Spawn {
    private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt
    private typealias ChangeDirectory =
        @convention(c) (
            UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>
        ) -> CInt

    // Swift's Glibc module leaves out what the C library declares under _GNU_SOURCE only.
    private static let closeFrom = unsafe symbol("posix_spawn_file_actions_addclosefrom_np", as: CloseFrom.self)
    private static let changeDirectory = unsafe symbol(
        "posix_spawn_file_actions_addchdir_np", as: ChangeDirectory.self)

    private static func symbol<Function>(_ name: String, as type: Function.Type) -> Function? {
        unsafe dlsym(nil, name).map { unsafe unsafeBitCast($0, to: type) }
    }

    /// A pipe that no other child inherits: every spawn here closes what is above the standard descriptors.
    static func pipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [-1, -1]
        guard unsafe Glibc.pipe(&ends) == 0 else { throw SupportError("pipe: error \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String], directory: String? = nil,
        input: CInt? = nil, output: CInt? = nil, error: CInt? = nil
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, target) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (error, STDERR_FILENO)] {
            if let descriptor {
                unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, target)
            } else {
                unsafe posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        guard let closeFrom = unsafe closeFrom, let changeDirectory = unsafe changeDirectory else {
            throw SupportError("this C library is too old: it lacks posix_spawn_file_actions_addclosefrom_np")
        }
        _ = unsafe closeFrom(&actions, 3)
        if let directory { _ = unsafe changeDirectory(&actions, directory) }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var identifier: pid_t = 0
        let status = unsafe withCStrings([executable] + arguments) { argumentPointers in
            unsafe withCStrings(variables) { variablePointers in
                unsafe posix_spawn(
                    &identifier, executable, &actions, &attributes, argumentPointers, variablePointers)
            }
        }
        guard status == 0 else { throw SupportError("cannot start \(executable): error \(status)") }
        return identifier
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        var pointers = unsafe strings.map { unsafe strdup($0) }
        defer { unsafe pointers.forEach { unsafe free($0) } }
        unsafe pointers.append(nil)
        return unsafe body(pointers)
    }
}
