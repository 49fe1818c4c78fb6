internal import Synchronization

/// What the writer did since it was opened.
package final class SQLiteStatistics: Sendable {
    private let writeCount = Atomic<Int>(0)
    private let commitCount = Atomic<Int>(0)
    private let syncCount = Atomic<Int>(0)
    private let checkpointCount = Atomic<Int>(0)
    private let failureCount = Atomic<Int>(0)

    init() {}

    /// Writes whose group was committed, those that rolled themselves back among them.
    package var writes: Int { writeCount.load(ordering: .relaxed) }
    package var commits: Int { commitCount.load(ordering: .relaxed) }
    /// Commits that waited for the disk.
    package var syncs: Int { syncCount.load(ordering: .relaxed) }
    package var checkpoints: Int { checkpointCount.load(ordering: .relaxed) }
    /// Checkpoints and rollbacks that failed.
    package var failures: Int { failureCount.load(ordering: .relaxed) }

    func committed(writes: Int, synced: Bool) {
        writeCount.add(writes, ordering: .relaxed)
        commitCount.add(1, ordering: .relaxed)
        if synced { syncCount.add(1, ordering: .relaxed) }
    }
    func checkpointed() { checkpointCount.add(1, ordering: .relaxed) }
    func checkpointFailed() { failureCount.add(1, ordering: .relaxed) }
    func rollbackFailed() { failureCount.add(1, ordering: .relaxed) }
}
