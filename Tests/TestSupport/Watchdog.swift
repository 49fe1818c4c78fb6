import Glibc
import Synchronization

/// Kills a child when this process dies without having ended it, for instance because a test crashed: a shell waits on a
/// pipe whose other end only this process holds.
final class Watchdog: Sendable {
    private struct State {
        var pipe: CInt
        var shell: pid_t
    }
    private let state: Mutex<State?>

    init(guarding identifier: pid_t) throws {
        let ends = try Spawn.pipe()
        let shell = try Spawn.run(
            "/bin/sh", ["-c", "read -r line || kill -KILL \(identifier)"], environment: [:], input: ends.read)
        close(ends.read)
        state = Mutex(State(pipe: ends.write, shell: shell))
    }

    /// The child has ended: nobody may be killed by its number any more.
    func dismiss() {
        guard let state = state.withLock({ $0.take() }) else { return }
        kill(state.shell, SIGKILL)
        var status: CInt = 0
        while unsafe waitpid(state.shell, &status, 0) < 0 && errno == EINTR {}
        close(state.pipe)
    }
}
