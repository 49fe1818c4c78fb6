import Crypto
import Database
import Domain
import Execution
import Synchronization
import Telemetry

/// Carries out confirmations that go on after their request was answered, and takes up again what the last run left.
package final class ConfirmationQueue: Sendable {
    private let confirmer: Confirmer
    private let executor: BlockingExecutor
    private let state = Mutex(State())

    /// Tasks at once. The gate has its own queue; this only bounds what waits in it.
    private static let maximumRunning = 4
    /// Confirmations of one task at once.
    private static let maximumTogether = 4

    private struct Job: Sendable {
        let task: ConfirmationTask
        let caller: Caller
    }

    private struct State {
        var waiting: [Job] = []
        var running: [TaskID: Task<Void, Never>] = [:]
        var isStopped = false
    }

    init(confirmer: Confirmer, executor: BlockingExecutor) {
        self.confirmer = confirmer
        self.executor = executor
    }

    private var database: any DatabaseDriver { confirmer.services.database }

    // MARK: Enqueuing

    /// One upload, which is this task's from now on.
    /// - Returns: nil where somebody else has it.
    func enqueue(
        _ upload: BucketUpload, _ wish: Confirmer.Wish, of caller: Caller, requestID: String
    ) async throws(Failure) -> ConfirmationTask? {
        let task = makeTask(.confirm, [wish], in: upload.announcement.bucket, caller, requestID)
        let node = confirmer.node
        let isClaimed = try await database.writeForRequest { transaction throws(DatabaseError) in
            guard try transaction.bucketUploads.claim(upload.id, node: node, task: task.id) else { return false }
            try transaction.tasks.insert(task, node: node)
            return true
        }
        guard isClaimed else { return nil }
        add(Job(task: task, caller: caller))
        return task
    }

    func enqueueBatch(
        _ wishes: [Confirmer.Wish], in bucket: String, of caller: Caller, requestID: String
    ) async throws(Failure) -> ConfirmationTask {
        let task = makeTask(.confirmBatch, wishes, in: bucket, caller, requestID)
        let node = confirmer.node
        try await database.writeForRequest { transaction throws(DatabaseError) in
            try transaction.tasks.insert(task, node: node)
        }
        add(Job(task: task, caller: caller))
        return task
    }

    private func makeTask(
        _ type: TaskType, _ wishes: [Confirmer.Wish], in bucket: String, _ caller: Caller, _ requestID: String
    ) -> ConfirmationTask {
        ConfirmationTask(
            id: RandomID.taskID(), organization: caller.organization.internalID, type: type, bucket: bucket,
            key: caller.key.id, requestID: requestID, createdAt: confirmer.services.time.now(), status: .pending,
            inputs: wishes.map(\.stored))
    }

    // MARK: Running

    /// Takes up what the last run left. Called before the first request.
    package func resume() async throws {
        let node = confirmer.node
        let (jobs, orphans) = try database.read { transaction throws(DatabaseError) -> ([Job], [ConfirmationTask]) in
            var (jobs, orphans): ([Job], [ConfirmationTask]) = ([], [])
            for task in try transaction.tasks.unfinished(ofNode: node) {
                // Whoever asked for it was allowed to; a key that was revoked since does not undo that.
                guard let organization = try transaction.organizations.find(task.organization),
                    let key = try transaction.apiKeys.find(task.organization, id: task.key)
                else {
                    orphans.append(task)
                    continue
                }
                jobs.append(Job(task: task, caller: Caller(organization: organization, key: key)))
            }
            return (jobs, orphans)
        }
        for job in jobs { add(job) }
        let gone = Failure(.forbidden, "The key that asked for it was deleted; confirm the upload again.")
        for task in orphans {
            let outputs = task.inputs.compactMap(Confirmer.Wish.init(stored:)).map { Self.output($0.id, gone) }
            try await database.write { transaction throws(DatabaseError) in
                try transaction.tasks.finish(task.id, .failed, outputs: outputs)
            }
        }
    }

    /// Waits for the confirmations in flight; the others are taken up by the next start.
    package func stop() async {
        let running = state.withLock { state in
            state.isStopped = true
            state.waiting = []
            return Array(state.running.values)
        }
        // Not cancelled: that would take the classifier away from the confirmations in flight.
        for task in running { await task.value }
    }

    private func add(_ job: Job) {
        state.withLock { state in
            guard !state.isStopped else { return }
            if state.running.count < Self.maximumRunning { start(job, &state) } else { state.waiting.append(job) }
        }
    }

    private func start(_ job: Job, _ state: inout State) {
        state.running[job.task.id] = Task(executorPreference: executor) { [self] in
            await run(job)
            self.state.withLock { state in
                state.running[job.task.id] = nil
                guard !state.isStopped, !state.waiting.isEmpty else { return }
                start(state.waiting.removeFirst(), &state)
            }
        }
    }

    private func run(_ job: Job) async {
        let task = job.task
        do {
            try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                try transaction.tasks.begin(task.id)
            }
            var outputs: [JSONObject] = []
            var rest = task.inputs.compactMap(Confirmer.Wish.init(stored:))[...]
            while !rest.isEmpty {
                // What is left is done by the next start; what is done stays done.
                guard !state.withLock({ $0.isStopped }) else { return }
                outputs += await confirm(Array(rest.prefix(Self.maximumTogether)), job)
                rest = rest.dropFirst(Self.maximumTogether)
            }
            let failures = outputs.count { $0["error"] != nil }
            let status: TaskStatus =
                failures == 0 ? .completed : failures == outputs.count ? .failed : .completedWithErrors
            let finished = outputs
            try await database.write { transaction throws(DatabaseError) in
                try transaction.tasks.finish(task.id, status, outputs: finished)
            }
        } catch {
            confirmer.services.log.error(
                "bucket.task_failed", ["task_id": .string(task.id.rawValue), "detail": .string("\(error)")])
        }
    }

    private func confirm(_ wishes: [Confirmer.Wish], _ job: Job) async -> [JSONObject] {
        await withTaskGroup(of: (Int, JSONObject).self) { group in
            for (index, wish) in wishes.enumerated() {
                group.addTask { [self] in (index, await confirm(wish, job)) }
            }
            var outputs = [JSONObject](repeating: [:], count: wishes.count)
            for await (index, output) in group { outputs[index] = output }
            return outputs
        }
    }

    private func confirm(_ wish: Confirmer.Wish, _ job: Job) async -> JSONObject {
        var output: JSONObject = ["upload_id": .string(wish.id.rawValue)]
        do throws(Failure) {
            let answer = try await confirmer.confirm(
                wish, in: job.task.bucket, of: job.caller, requestID: job.task.requestID, task: job.task.id,
                isClaimed: job.task.type == .confirm)
            for (name, value) in answer.json.objectValue ?? [:] { output[name] = value }
        } catch {
            return Self.output(wish.id, error)
        }
        return output
    }

    /// What may be confirmed again waits for that, as the upload itself says.
    private static func output(_ id: UploadID, _ error: Failure) -> JSONObject {
        let isFinal: Bool =
            switch error.code {
            case .nsfwContentRejected, .imageUnscannable, .unsupportedImageType, .fileHashMismatch, .gone, .notFound:
                true
            default: false
            }
        let status: BucketUploadStatus = isFinal ? .failed : .pending
        return [
            "upload_id": .string(id.rawValue), "status": .string(status.rawValue), "error": error.envelope,
        ]
    }
}
