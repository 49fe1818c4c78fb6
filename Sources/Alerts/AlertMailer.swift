import Crypto
package import Database
package import Domain
import Mail
package import Telemetry
import Transfer

/// Sends alerts, beside all requests: what the database holds until a mail server took it.
///
/// Any number of processes may do this on one database; a lease keeps a mail to one of them. A process that dies between
/// the server's answer and the note of it leaves the mail to be sent again.
package struct AlertMailer: Sendable {
    private let database: any DatabaseDriver
    private let configuration: AlertConfiguration
    private let watch: OutageWatch
    private let time: any TimeSource
    private let log: Logger
    private let metrics: AlertMetrics
    private let cancellation = TransferCancellation()
    private let trouble = ServerTrouble()

    /// - Parameters:
    ///   - node: whose outages are watched.
    ///   - isClassifierAvailable: whether uploads can be scanned now.
    package init(
        database: any DatabaseDriver, configuration: AlertConfiguration, node: String, time: any TimeSource,
        log: Logger, metrics: AlertMetrics, isClassifierAvailable: @escaping @Sendable () -> Bool
    ) {
        self.database = database
        self.configuration = configuration
        self.time = time
        self.log = log
        self.metrics = metrics
        watch = OutageWatch(
            database: database, node: node, thresholdSeconds: configuration.outageSeconds,
            isClassifierAvailable: isClassifierAvailable)
    }

    private static let tickMilliseconds = 1_000
    private static let upkeepTicks = 30
    private static let leaseMarginSeconds: Int64 = 60

    /// Runs until its task is cancelled.
    package func run() async {
        await withTaskCancellationHandler {
            // A mail may take minutes, and a backlog of them hours; what there is to tell is found out meanwhile.
            async let watching: Void = keepWatch()
            await keepSending()
            await watching
        } onCancel: {
            cancellation.cancel()
        }
    }

    private func keepWatch() async {
        var ticks = 0
        var state = OutageWatch.State()
        while !Task.isCancelled {
            do throws(DatabaseError) {
                metrics.count(.superseded, try await watch.look(&state, now: time.now()))
                if ticks % Self.upkeepTicks == 0 { try await keepUp() }
            } catch { note(error) }
            ticks += 1
            try? await Task.sleep(for: .milliseconds(Self.tickMilliseconds))
        }
    }

    private func keepSending() async {
        while !Task.isCancelled {
            do throws(DatabaseError) { try await sendDue() } catch { note(error) }
            try? await Task.sleep(for: .milliseconds(Self.tickMilliseconds))
        }
    }

    private func note(_ error: DatabaseError) {
        log.error("alerts.failed", ["detail": .string(error.description)])
    }

    /// Finds keys that expire soon, and drops what could not be told for too long.
    private func keepUp() async throws(DatabaseError) {
        let now = time.now()
        let stale = now.adding(seconds: -configuration.staleSeconds)
        let dropped = try await database.write { transaction throws(DatabaseError) in
            _ = try transaction.alerts.noteExpiringKeys(now: now)
            return try transaction.alerts.expire(before: stale)
        }
        metrics.count(.dropped, dropped)
        if dropped > 0 { log.warning("alerts.dropped", ["count": .integer(Int64(dropped))]) }
    }

    /// Sends what is due, over one connection, until nothing is or the server is in trouble.
    package func sendDue() async throws(DatabaseError) {
        guard !trouble.isExpected(at: time.now()) else { return }
        var connection = MailConnection(configuration.server)
        while !Task.isCancelled {
            let now = time.now()
            let isDue = try database.read { transaction throws(DatabaseError) in
                try transaction.alerts.isAnyDue(now: now)
            }
            guard isDue else { return }
            // libcurl waits for two answers at the end, the mail's and its farewell's, each for as long.
            let timeout = Int64(configuration.server?.timeoutMilliseconds ?? 0) / 1_000
            let (lease, until) = (
                RandomID.requestID(), now.adding(seconds: 2 * timeout + Self.leaseMarginSeconds)
            )
            let claim = try await database.write { transaction throws(DatabaseError) in
                try transaction.alerts.claim(lease: lease, until: until, now: now)
            }
            switch claim {
            case nil: return
            case .idle: continue
            case .suppressed(let kind, let count):
                metrics.count(.suppressed, count)
                log.info("alerts.suppressed", ["kind": .string(kind.rawValue), "count": .integer(Int64(count))])
            case .batch(let batch):
                guard try await tell(batch, over: &connection) else { return }
            }
        }
    }

    /// - Returns: false where other mails would fare no better now.
    private func tell(_ batch: AlertBatch, over connection: inout MailConnection) async throws(DatabaseError) -> Bool {
        var fields: JSONObject = [
            "organization_id": .string(batch.organizationID.rawValue), "kind": .string(batch.kind.rawValue),
            "count": .integer(Int64(batch.count)),
        ]
        guard configuration.server != nil else {
            // The operator is told instead, as far as a log goes.
            fields["alerts"] = .array(AlertText(batch).items.map(JSONValue.string))
            log.warning("alert", fields)
            metrics.mails.increment("logged")
            metrics.count(.told, batch.count)
            try await finish(batch)
            return true
        }
        guard let recipient = MailAddress(batch.address) else {
            try await fail(batch, "the address is not one that mail can be sent to", fields)
            return true
        }
        let text = AlertText(batch)
        let message = MailMessage(
            sender: configuration.sender, recipient: recipient, subject: text.subject, text: text.plain,
            html: text.html, date: time.now(), id: Self.messageID(of: batch))
        do throws(TransferError) {
            try connection.send(message, cancellation: cancellation)
        } catch {
            return try await handle(error, of: batch, fields)
        }
        trouble.end()
        metrics.mails.increment("sent")
        metrics.count(.told, batch.count)
        log.info("alert.mail_sent", fields)
        try await finish(batch)
        return true
    }

    /// - Returns: false where other mails would fare no better now.
    private func handle(
        _ error: TransferError, of batch: AlertBatch, _ fields: JSONObject
    ) async throws(DatabaseError) -> Bool {
        var fields = fields
        fields["detail"] = .string(error.description)
        fields["status"] = .integer(Int64(error.status))
        if let line = error.mail?.line, !line.isEmpty { fields["answer"] = .string(line) }
        if error.isRefusalOfAddress {
            try await fail(batch, "the mail server refused the address with status \(error.status)", fields)
            return true
        }
        let now = time.now()
        // What was given up because the service ends is sent when it is back.
        let pause = error.kind == .cancelled ? 0 : configuration.pauseSeconds(afterAttempts: batch.attempts)
        let mayGoOn = error.concernsOneMail && !(error.isSilenceAboutOneMail && trouble.noteSilence())
        if !mayGoOn {
            trouble.note { now.adding(seconds: configuration.pauseSeconds(afterAttempts: $0)) }
        }
        metrics.mails.increment("postponed")
        log.warning("alert.mail_postponed", fields)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.alerts.postpone(batch, until: now.adding(seconds: pause))
        }
        return mayGoOn
    }

    /// The same for every attempt to tell the same, by whichever process, so that who gets it twice can see that.
    private static func messageID(of batch: AlertBatch) -> String {
        let parts = [batch.organization.rawValue, batch.kind.rawValue, "\(batch.sequence)", batch.address]
        return String(SHA256.hash(of: parts.joined(separator: "\n")).rawValue.prefix(32))
    }

    private func fail(_ batch: AlertBatch, _ reason: String, _ fields: JSONObject) async throws(DatabaseError) {
        let now = time.now()
        let isForgotten = try await database.write { transaction throws(DatabaseError) in
            // What was said of the old address says nothing of a new one.
            guard try transaction.alerts.isAddress(batch.address, of: batch.organization) else {
                try transaction.alerts.redirect(batch, at: now)
                return false
            }
            try finish(
                batch,
                [
                    "status": "undeliverable", "email": .string(batch.address), "reason": .string(reason),
                    "reported_at": JSONValue(now),
                ], in: transaction)
            return true
        }
        log.warning("alert.mail_failed", fields)
        metrics.mails.increment("failed")
        if isForgotten { metrics.count(.failed, batch.count) }
    }

    private func finish(_ batch: AlertBatch) async throws(DatabaseError) {
        try await database.write { transaction throws(DatabaseError) in
            try finish(batch, nil, in: transaction)
        }
    }

    private func finish(
        _ batch: AlertBatch, _ status: JSONObject?, in transaction: any Transaction
    ) throws(DatabaseError) {
        let nextAt = time.now().adding(seconds: Int64(configuration.intervalSeconds))
        guard try transaction.alerts.finish(batch, nextAt: nextAt), configuration.server != nil else { return }
        try transaction.alerts.setStatus(status, of: batch.organization, address: batch.address)
    }
}
