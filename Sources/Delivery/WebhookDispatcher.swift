package import Database
package import Domain
import Execution
import Synchronization
package import Telemetry
package import Tenancy
import Transfer

/// Sends events to webhooks: claims what is due, a little of each webhook in turn, on threads of its own, so that a target
/// that does not answer holds up nothing but its own events.
package final class WebhookDispatcher: Sendable {
    private let database: any DatabaseDriver
    private let sender: WebhookSender
    private let configuration: DeliveryConfiguration
    private let node: String
    private let time: any TimeSource
    private let log: Logger
    private let metrics: DeliveryMetrics
    private let executor: BlockingExecutor
    private let cancellation = TransferCancellation()
    private let running = Mutex<Task<Void, Never>?>(nil)
    private let underWay = Atomic(0)
    /// The last webhook that got a turn.
    private let turn = Mutex("")
    private let shares: Mutex<SenderShares>
    /// Attempts that ended; each may let another one begin.
    private let ended = Atomic(0)

    private static let pauseMilliseconds = 200
    private static let busyPauseMilliseconds = 10
    private static let upkeepMilliseconds: Int64 = 5_000
    /// Beyond the webhook's own time: for the database, and for a machine that is slow.
    private static let leaseMilliseconds: Int64 = 90_000

    /// - Parameter node: what is claimed under this name is this service's.
    package init(
        database: any DatabaseDriver, vault: WebhookVault?, configuration: DeliveryConfiguration, node: String,
        userAgent: String, time: any TimeSource, log: Logger, metrics: MetricsRegistry
    ) {
        self.database = database
        self.configuration = configuration
        self.node = node
        self.time = time
        self.log = log
        self.metrics = DeliveryMetrics(metrics, database: database)
        sender = WebhookSender(
            configuration: configuration, vault: vault, cancellation: cancellation, userAgent: userAgent)
        shares = Mutex(SenderShares(parallelism: configuration.parallelism))
        // One for the dispatcher itself, which must not wait for a transfer to end.
        executor = BlockingExecutor(threads: configuration.parallelism + 1)
    }

    package func start() {
        let task = Task(executorPreference: executor) { await self.run() }
        running.withLock { $0 = task }
    }

    /// Ends what is under way; it is sent again by whoever comes next.
    package func stop() async {
        cancellation.cancel()
        let task = running.withLock { running in
            defer { running = nil }
            return running
        }
        task?.cancel()
        await task?.value
    }

    private func run() async {
        await forgetOldClaims()
        await withDiscardingTaskGroup { group in
            var lastUpkeep = Timestamp(milliseconds: 0)
            while !Task.isCancelled {
                let now = time.now()
                if lastUpkeep.adding(milliseconds: Self.upkeepMilliseconds) <= now || now < lastUpkeep {
                    await upkeep(now)
                    lastUpkeep = now
                }
                let seen = ended.load(ordering: .sequentiallyConsistent)
                let claims = await claim(now)
                for claim in claims {
                    underWay.add(1, ordering: .sequentiallyConsistent)
                    let began = ContinuousClock.now
                    shares.withLock { $0.begin(claim.webhook.id, at: began) }
                    group.addTask(executorPreference: executor) {
                        await self.deliver(claim, began: began)
                        self.underWay.subtract(1, ordering: .sequentiallyConsistent)
                        self.ended.add(1, ordering: .sequentiallyConsistent)
                    }
                }
                if claims.isEmpty { await pause(after: seen) }
            }
        }
    }

    /// Waits until something may be claimable: until an attempt ends, or for as long as an event that was just written
    /// may wait. Nothing asks the database meanwhile.
    /// - Parameter seen: how many attempts had ended before the last look.
    private func pause(after seen: Int) async {
        var left = Self.pauseMilliseconds
        while left > 0, !Task.isCancelled, ended.load(ordering: .sequentiallyConsistent) == seen {
            let isBusy = underWay.load(ordering: .sequentiallyConsistent) > 0
            let step = isBusy ? Self.busyPauseMilliseconds : left
            try? await Task.sleep(for: .milliseconds(step))
            left -= step
        }
    }

    /// Whatever this service had claimed before it ended is free again.
    private func forgetOldClaims() async {
        while !Task.isCancelled {
            do throws(DatabaseError) {
                let node = node
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.deliveries.releaseLeases(ofNode: node)
                }
                return
            } catch {
                log.error("webhooks.failed", ["detail": .string(error.description)])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func claim(_ now: Timestamp) async -> [ClaimedDelivery] {
        let free = configuration.parallelism - underWay.load(ordering: .sequentiallyConsistent)
        // Without the key nothing can be signed: what waits is not spent on attempts that must fail.
        guard free > 0, sender.vault != nil else { return [] }
        do throws(DatabaseError) {
            let shares = shares.withLock { $0 }
            let due = try webhooksDue(now, limit: free, shares)
            // Only a claim writes; everybody's writes would wait behind one that takes nothing.
            guard let last = due.last else { return [] }
            turn.withLock { $0 = last.rawValue }
            let (node, limits) = (node, configuration.limits)
            // A claim that is lost with the power only lets an event come twice.
            return try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                var (claims, shares): ([ClaimedDelivery], SenderShares) = ([], shares)
                for webhook in due where claims.count < free {
                    let instant = ContinuousClock.now
                    let taken = try transaction.deliveries.claim(
                        for: webhook, node: node, now: now, leaseMilliseconds: Self.leaseMilliseconds, limits: limits,
                        limit: min(free - claims.count, shares.room(for: webhook, at: instant)))
                    for _ in taken { shares.begin(webhook, at: instant) }
                    claims += taken
                }
                return claims
            }
        } catch {
            log.error("webhooks.failed", ["detail": .string(error.description)])
            try? await Task.sleep(for: .seconds(1))
            return []
        }
    }

    /// Those whose turn it is, beginning after the one that was last.
    private func webhooksDue(
        _ now: Timestamp, limit: Int, _ shares: SenderShares
    ) throws(DatabaseError) -> [WebhookID] {
        let (last, limits, instant) = (turn.withLock { $0 }, configuration.limits, ContinuousClock.now)
        let isAdmitted = { (webhook: WebhookID) in shares.room(for: webhook, at: instant) > 0 }
        return try database.read { transaction throws(DatabaseError) in
            let after = try transaction.deliveries.webhooksDue(
                after: last, now: now, limits: limits, limit: limit, isAdmitted: isAdmitted)
            guard after.count < limit, !last.isEmpty else { return after }
            let all = try transaction.deliveries.webhooksDue(
                after: "", now: now, limits: limits, limit: limit - after.count, isAdmitted: isAdmitted)
            return after + all.filter { !after.contains($0) }
        }
    }

    private func deliver(_ claim: ClaimedDelivery, began: ContinuousClock.Instant) async {
        let start = ContinuousClock.now
        let outcome = sender.send(claim, now: time.now())
        defer { shares.withLock { $0.end(claim.webhook.id, began: began, at: ContinuousClock.now) } }
        let (now, delivery) = (time.now(), claim.delivery)
        do throws(DatabaseError) {
            switch outcome {
            case .delivered(let attempt):
                metrics.attempted("delivered", after: ContinuousClock.now - start)
                try await database.write { transaction throws(DatabaseError) in
                    try transaction.deliveries.succeed(claim, attempt, now: now)
                }
                metrics.finished("delivered")
            case .failed(let attempt):
                metrics.attempted("failed", after: ContinuousClock.now - start)
                try await fail(claim, attempt, now)
            case .cancelled:
                try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                    try transaction.deliveries.release(claim)
                }
            }
        } catch {
            // The lease ends by itself, and the event is sent once more.
            log.error(
                "webhooks.failed",
                ["delivery_id": .string(delivery.id.rawValue), "detail": .string(error.description)])
        }
    }

    private func fail(
        _ claim: ClaimedDelivery, _ attempt: DeliveryAttempt, _ now: Timestamp
    ) async throws(DatabaseError) {
        let (schedule, pause) = (configuration.schedule, configuration.pauseAfterMilliseconds)
        let next = schedule.nextAttempt(claim.delivery, failures: claim.delivery.attempts + 1, now: now)
        let noted = try await database.write { transaction throws(DatabaseError) in
            try transaction.deliveries.fail(
                claim, attempt, nextAttemptAt: next, pausesAfterMilliseconds: pause, now: now
            ) { schedule.outageEnd(failures: $0, threshold: DeliveryStore.outageFailures, now: now) }
        }
        guard noted != .ignored else { return }
        if next == nil { metrics.finished("failed") }
        var fields: JSONObject = [
            "webhook_id": .string(claim.webhook.id.rawValue),
            "organization_id": .string(claim.delivery.event.organizationID.rawValue),
            "delivery_id": .string(claim.delivery.id.rawValue), "event_id": .string(claim.delivery.event.id.rawValue),
            "attempts": .integer(Int64(claim.delivery.attempts + 1)), "next_attempt_at": JSONValue(next),
        ]
        fields["detail"] = JSONValue(attempt.error)
        log.info("webhook.delivery_failed", fields)
        if noted == .paused { log.warning("webhook.paused", fields) }
    }

    private func upkeep(_ now: Timestamp) async {
        let configuration = configuration
        let oldest = now.adding(milliseconds: -configuration.schedule.giveUpMilliseconds)
        let kept = now.adding(milliseconds: -configuration.retentionMilliseconds)
        do throws(DatabaseError) {
            let givenUp = try await database.write { transaction throws(DatabaseError) in
                let late = try transaction.deliveries.giveUp(before: oldest, now: now)
                let tooMany = try transaction.deliveries.shorten(to: configuration.backlog, now: now)
                try transaction.deliveries.purge(before: kept)
                try transaction.events.purge(before: min(oldest, kept))
                return late + tooMany
            }
            for _ in 0..<givenUp { metrics.finished("failed") }
        } catch {
            log.error("webhooks.failed", ["detail": .string(error.description)])
        }
    }
}
