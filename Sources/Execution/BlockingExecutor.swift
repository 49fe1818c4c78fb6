import Glibc
import Synchronization

/// Runs tasks that block in file and database calls: a fixed number of threads over one first-in, first-out queue.
///
/// The cooperative pool has one thread per core, so a few tasks that wait for the disk would stop every other one.
/// Request tasks run here instead, by `Task(executorPreference:)`.
package final class BlockingExecutor: TaskExecutor, Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        var head = 0
        var idleThreads = 0
    }

    private let state = Mutex(State())
    private let wakeUp = Semaphore()

    /// Starts `threads` threads, which live as long as the process.
    package init(threads: Int) {
        for _ in 0..<threads { startThread() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wake = state.withLock { state in
            state.jobs.append(job)
            guard state.idleThreads > 0 else { return false }
            state.idleThreads -= 1
            return true
        }
        if wake { wakeUp.signal() }
    }

    private func next() -> UnownedJob {
        while true {
            let job: UnownedJob? = state.withLock { state in
                guard state.head < state.jobs.count else {
                    state.jobs.removeAll(keepingCapacity: true)
                    state.head = 0
                    state.idleThreads += 1
                    return nil
                }
                let job = state.jobs[state.head]
                state.head += 1
                // Under a load that never lets the queue run empty, what was taken must not pile up before it.
                if state.head >= 1_024 && state.head * 2 > state.jobs.count {
                    state.jobs.removeFirst(state.head)
                    state.head = 0
                }
                return job
            }
            if let job { return job }
            wakeUp.wait()
        }
    }

    private func startThread() {
        Thread.start { [self] in
            while true { unsafe next().runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
