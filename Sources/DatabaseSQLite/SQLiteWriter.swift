internal import Database
internal import Execution
internal import Synchronization

/// The one writer of a process: a thread that takes all writes that wait, runs them, commits once, and then tells all.
/// While one group is being synced the next one gathers.
///
/// A savepoint for each write would let one fail without the others, but costs every write a copy of the pages that it
/// changes, and failures are rare. So a group is run without; if a write fails, the group is rolled back and run again
/// with savepoints, as are the groups after it for a while.
final class SQLiteWriter: Sendable {
    /// A write that waits. `run` does it and gives what is to be called once the group's fate is known; it is called again
    /// where what it wrote was rolled back.
    struct Job: Sendable {
        let durability: Durability
        let run: @Sendable (SQLiteConnection) -> Completion
        /// Called instead of `run`'s completion where the group failed before this one's turn.
        let refuse: @Sendable (DatabaseError) -> Void
    }

    struct Completion: Sendable {
        /// Why the body failed, nil if it did not.
        let failure: DatabaseError?
        /// Called with the group's error, nil if it was committed.
        let finish: @Sendable (DatabaseError?) -> Void
    }

    private struct State {
        /// Until the thread takes it. The thread's closure must not hold it: that is released some time after its end,
        /// and whoever closes the writer counts on the file being closed.
        var connection: SQLiteConnection?
        var waiting: [Job] = []
        var isClosed = false
    }

    private let state: Mutex<State>
    private let work = Semaphore()
    private let finished = Semaphore()
    let statistics = SQLiteStatistics()

    /// Writes that wait beyond this are refused.
    private static let maximumWaiting = 16_384
    /// Writes in one commit. A group longer than this keeps its first waiter waiting for too long.
    private static let maximumGroup = 512
    /// How far the write-ahead log grows, in pages of 4 KiB, before it is copied into the database file.
    private static let checkpointPages = 1_000

    /// Takes the connections over, and runs until `close()`.
    /// - Parameter copying: another one to the same file, which copies the log.
    init(_ connection: SQLiteConnection, copying: SQLiteConnection) {
        state = Mutex(State(connection: connection))
        let checkpointer = SQLiteCheckpointer(copying, statistics: statistics)
        Thread.start { [self] in
            var loop = Loop(
                connection: state.withLock { $0.connection.take() }, checkpointer: checkpointer,
                statistics: statistics)
            while let group = nextGroup() { loop.commit(group) }
            checkpointer.close()
            loop.close()
            finished.signal()
        }
    }

    func enqueue(_ job: Job) throws(DatabaseError) {
        enum Outcome { case wake, queued, closed, full }
        let outcome: Outcome = state.withLock { state in
            if state.isClosed { return .closed }
            guard state.waiting.count < Self.maximumWaiting else { return .full }
            state.waiting.append(job)
            return state.waiting.count == 1 ? .wake : .queued
        }
        switch outcome {
        case .wake: work.signal()
        case .queued: break
        case .closed: throw .closed
        case .full: throw .overloaded
        }
    }

    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Waits for work; nil when the writer is closed and nothing is left.
    private func nextGroup() -> [Job]? {
        while true {
            let (group, isClosed) = state.withLock { state in
                let group = Array(state.waiting.prefix(Self.groupLength(state.waiting)))
                state.waiting.removeFirst(group.count)
                return (group, state.isClosed)
            }
            if !group.isEmpty { return group }
            if isClosed { return nil }
            work.wait()
        }
    }

    /// A write with an effect outside the database begins a group, or follows others of its kind.
    private static func groupLength(_ waiting: [Job]) -> Int {
        let longest = min(waiting.count, maximumGroup)
        let ordinary = waiting[..<longest].firstIndex { $0.durability != .durableWithOutsideEffect } ?? longest
        return waiting[ordinary..<longest].firstIndex { $0.durability == .durableWithOutsideEffect } ?? longest
    }

    /// Finishes what waits, then ends the thread. Returns when the connection is closed.
    func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        work.signal()
        finished.wait()
    }
}

extension SQLiteWriter {
    /// What the writer's thread has to itself.
    private struct Loop {
        private var connection: SQLiteConnection?
        private let checkpointer: SQLiteCheckpointer
        private let statistics: SQLiteStatistics
        private var syncsCommits = true
        private var pagesAtLastCheckpoint = 0
        /// Groups that are still to be run with savepoints.
        private var carefulGroups = 0
        private static let carefulGroupsAfterFailure = 32

        init(connection: SQLiteConnection?, checkpointer: SQLiteCheckpointer, statistics: SQLiteStatistics) {
            self.connection = connection
            self.checkpointer = checkpointer
            self.statistics = statistics
        }

        mutating func close() { connection = nil }

        mutating func commit(_ group: [Job]) {
            guard let connection else { return }
            var completions: [Completion] = []
            completions.reserveCapacity(group.count)
            var groupError: DatabaseError?
            do throws(DatabaseError) {
                try setSync(group.contains { $0.durability != .relaxed }, connection)
                try connection.run("BEGIN IMMEDIATE")
                try run(group, connection, &completions)
                try connection.run("COMMIT")
                statistics.committed(writes: group.count, synced: syncsCommits)
            } catch {
                groupError = error
                rollBack(connection)
            }
            for completion in completions { completion.finish(groupError) }
            // Those that were never run.
            for job in group[completions.count...] {
                job.refuse(groupError ?? .failed(code: 0, message: "the write was not run"))
            }
            checkpointIfDue(connection)
        }

        private mutating func run(
            _ group: [Job], _ connection: SQLiteConnection, _ completions: inout [Completion]
        ) throws(DatabaseError) {
            // What changes something outside the database is run once.
            if carefulGroups == 0, group.first?.durability != .durableWithOutsideEffect,
                group.last?.durability != .durableWithOutsideEffect
            {
                if try runTogether(group, connection, &completions) { return }
                carefulGroups = Self.carefulGroupsAfterFailure
            } else if carefulGroups > 0 {
                carefulGroups -= 1
            }
            for job in group {
                let completion = try runInSavepoint(job, connection)
                completions.append(completion)
                // Disk full and the like may end the whole transaction: what came before is lost with it.
                if connection.isIdle {
                    throw completion.failure ?? .failed(code: 0, message: "the transaction ended by itself")
                }
            }
        }

        /// - Returns: false where a write failed: then nothing of the group was written, and it is to be run again.
        private func runTogether(
            _ group: [Job], _ connection: SQLiteConnection, _ completions: inout [Completion]
        ) throws(DatabaseError) -> Bool {
            for job in group {
                let completion = job.run(connection)
                guard completion.failure != nil || connection.isIdle else {
                    completions.append(completion)
                    continue
                }
                completions.removeAll(keepingCapacity: true)
                if !connection.isIdle { try connection.run("ROLLBACK") }
                try connection.run("BEGIN IMMEDIATE")
                return false
            }
            return true
        }

        private func runInSavepoint(_ job: Job, _ connection: SQLiteConnection) throws(DatabaseError) -> Completion {
            try connection.run("SAVEPOINT job")
            let completion = job.run(connection)
            guard !connection.isIdle else { return completion }
            if completion.failure != nil { try connection.run("ROLLBACK TO job") }
            try connection.run("RELEASE job")
            return completion
        }

        /// After a failed BEGIN or COMMIT, or one that ended the transaction by itself.
        private func rollBack(_ connection: SQLiteConnection) {
            guard !connection.isIdle else { return }
            do {
                try connection.run("ROLLBACK")
            } catch {
                // Nothing was committed, and the next BEGIN fails as clearly as this did.
                statistics.rollbackFailed()
            }
        }

        /// NORMAL leaves out the sync of the log at a commit; a later commit with FULL syncs what came before as well.
        private mutating func setSync(_ sync: Bool, _ connection: SQLiteConnection) throws(DatabaseError) {
            guard sync != syncsCommits else { return }
            try connection.run("PRAGMA synchronous = \(sync ? "FULL" : "NORMAL")")
            syncsCommits = sync
        }

        /// After the waiters were told, so that none of them waits for it. A reader may keep the log from being copied
        /// as a whole: then the next attempt comes after as many pages again.
        private mutating func checkpointIfDue(_ connection: SQLiteConnection) {
            let pages = connection.logPages
            if pages < pagesAtLastCheckpoint { pagesAtLastCheckpoint = 0 }
            if checkpointer.takeCopied() {
                pagesAtLastCheckpoint = pages
                if connection.copyLog(reportingTo: statistics) { statistics.checkpointed() }
            } else if pages - pagesAtLastCheckpoint >= SQLiteWriter.checkpointPages {
                checkpointer.begin()
            }
        }
    }
}
