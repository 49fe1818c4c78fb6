package import BlobStore
package import Database
package import Domain

/// Recomputes from scratch what ledger, counters, holds, uploads, index of contents and files say of each other, and
/// names every difference. It reads only, one row at a time, so its memory does not grow with what there is.
///
/// The database is one snapshot. Files are not, where a service runs beside it: what seems to be missing or too much is
/// looked at again against the database as it is then, and counts as a difference only if it still is one. What is in
/// flight (open holds, spool files) is none.
package struct Verifier: Sendable {
    let database: any DatabaseDriver
    let files: BlobInspection
    let readsContent: Bool
    let now: Timestamp
    private let found: @Sendable (Difference) -> Void

    /// After this, a spool file without a hold belongs to no upload that could still be in flight.
    static let longestUploadSeconds: Int64 = 7 * 86_400

    /// - Parameters:
    ///   - readsContent: whether every content is read and hashed.
    ///   - report: called for each difference, as it is found.
    package init(
        database: any DatabaseDriver, files: BlobInspection, readsContent: Bool, now: Timestamp,
        report: @escaping @Sendable (Difference) -> Void
    ) {
        self.database = database
        self.files = files
        self.readsContent = readsContent
        self.now = now
        found = report
    }

    private final class Lines {
        private(set) var all: [String] = []
        func add(_ line: String) { all.append(line) }
    }

    /// What is carried through a run.
    struct Run: Sendable {
        var report = VerificationReport()
        let found: @Sendable (Difference) -> Void

        mutating func add(_ subject: Difference.Subject, _ place: String, _ finding: String) {
            report.differences += 1
            found(Difference(subject, place, finding))
        }
    }

    /// - Parameter problems: what the database says of its own file.
    package func run(problems: [String]) throws(MaintenanceError) -> VerificationReport {
        var run = Run(found: found)
        for problem in problems { run.add(.database, "file", problem) }
        let start = run
        do {
            run = try database.read { transaction throws(DatabaseError) in
                var run = start
                try count(transaction.reconciliation, &run)
                let checks: [(Reconciliation, inout Run) throws(DatabaseError) -> Void] = [
                    checkLedger, checkHolds, checkCharges, checkContents, checkReceipts, checkQuarantine,
                    checkAnnouncements, checkWebhooks, checkAlerts, checkVerdicts,
                ]
                for check in checks {
                    // The rows that cannot be read are named, and the others looked at.
                    let unreadable = Lines()
                    do throws(DatabaseError) {
                        try check(transaction.reconciliation.reportingUnreadable(unreadable.add), &run)
                    } catch {
                        // Such as a sum that is beyond 64 bits.
                        guard case .failed = error else { throw error }
                        run.add(.database, "comparison", "could not be ended: \(error)")
                    }
                    for line in unreadable.all { run.add(.database, "row", line) }
                }
                return run
            }
        } catch {
            throw .database(error)
        }
        try checkStrayFiles(&run)
        try checkSpool(&run)
        try checkStaging(&run)
        return run.report
    }

    private func count(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        run.report.organizations = try books.count(of: .organizations)
        run.report.holds = try books.count(of: .holds)
        run.report.uploads = try books.count(of: .uploads)
        run.report.quarantined = try books.count(of: .quarantine)
    }

    // MARK: Money

    private func checkLedger(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.organizationsWithoutAccount { organization throws(DatabaseError) in
            run.add(.balance, "organization \(organization)", "has no credit account")
        }
        try books.accounts { account throws(DatabaseError) in
            let place = "account of \(account.organization)"
            var replay = LedgerReplay()
            try books.movements(of: account.internalID) { row throws(DatabaseError) in
                if let problem = replay.apply(row) {
                    run.add(.ledger, "row \(row.id) (\(row.kind.rawValue)) of \(account.organization)", problem)
                }
            }
            run.report.ledgerRows += replay.rows
            let (stored, ledger) = (account.counters, replay.sums)
            for (name, counter, sum) in [
                ("allowance_used", stored.allowanceUsed, ledger.allowanceUsed),
                ("purchased", stored.purchased, ledger.purchased), ("held", stored.held, ledger.held),
            ] where counter != sum {
                run.add(.balance, place, "\(name) is \(counter); the ledger's rows give \(sum)")
            }
            if account.openHolds != stored.held {
                run.add(.balance, place, "held is \(stored.held); the open holds give \(account.openHolds)")
            }
            if !Self.isBillingPeriod(account.period) {
                run.add(
                    .balance, place,
                    "the period from \(account.period.start.iso8601) ends at \(account.period.end.iso8601), as none does "
                        + "that begins then")
            }
            if let start = replay.periodStart, start != account.period.start {
                run.add(
                    .balance, place,
                    "the period starts at \(account.period.start.iso8601); in the ledger at \(start.iso8601)")
            }
        }
    }

    /// An organization may have changed the day since, and a period then begins where the one before ended: whatever
    /// the day, it ends where the one of its beginning does.
    private static func isBillingPeriod(_ period: BillingPeriod) -> Bool {
        (1...31).contains { BillingPeriod(containing: period.start, cycleStart: $0).end == period.end }
    }

    private func checkHolds(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.holdMismatches { hold throws(DatabaseError) in
            let state = hold.openAmount.map { "it is open with \($0)" } ?? "it is closed"
            run.add(
                .hold, "hold \(hold.hold) of \(hold.organization)",
                "\(state); the ledger holds \(hold.ledgerAmount) for it, in \(hold.placements) placements and "
                    + "\(hold.endings) endings")
        }
    }

    private func checkCharges(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.charges { charge throws(DatabaseError) in
            let place = "upload \(charge.upload?.rawValue ?? "(none)") of \(charge.organization)"
            guard let record = charge.record else {
                return run.add(
                    .charge, place,
                    "was charged \(charge.credits) (ledger row \(charge.movement)); there is no record of it")
            }
            if record.status == .rejected {
                run.add(.charge, place, "was rejected, and charged \(charge.credits) (ledger row \(charge.movement))")
            }
            if record.credits != charge.credits {
                run.add(
                    .charge, place, "its record says \(record.credits) credits; the ledger charged \(charge.credits)")
            }
            if record.size != charge.bytes {
                run.add(.charge, place, "has \(record.size) bytes; the ledger charged for \(charge.bytes)")
            }
            let cost = Credits.cost(ofBytes: record.size)
            if charge.credits != cost {
                run.add(.charge, place, "was charged \(charge.credits); \(record.size) bytes cost \(cost)")
            }
        }
        try books.chargedTwice { place, times throws(DatabaseError) in
            run.add(.charge, "upload \(place.upload) of \(place.organization)", "was charged \(times) times")
        }
        try books.uncharged { place throws(DatabaseError) in
            run.add(.charge, "upload \(place.upload) of \(place.organization)", "was accepted and never charged")
        }
        try books.pricedWithoutCharge { place, credits throws(DatabaseError) in
            run.add(
                .charge, "upload \(place.upload) of \(place.organization)",
                "was not accepted, and its record says \(credits) credits")
        }
        try books.answersWithoutUpload { place throws(DatabaseError) in
            run.add(
                .idempotency, "upload \(place.upload) of \(place.organization)",
                "an answer about it is kept; there is no record of it")
        }
    }

    private func checkReceipts(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.receipts { place, record throws(DatabaseError) in
            let name = "upload \(place.upload) of \(place.organization)"
            if record.receipt.sha256 != record.sha256 {
                run.add(
                    .content, name, "has the content \(record.sha256); its receipt is about \(record.receipt.sha256)")
            }
            let decision = record.receipt.decision
            let isRight =
                switch record.status {
                case .completed: decision == .accepted
                case .rejected: decision == .rejected
                case .quarantined: decision == .quarantined
                case .deleted: true
                }
            if !isRight {
                run.add(.content, name, "is \(record.status.rawValue); its receipt says \(decision.rawValue)")
            }
        }
    }

    private func checkQuarantine(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.quarantineMismatches { place, status, isRetained throws(DatabaseError) in
            let finding =
                switch isRetained {
                case nil: "is \(status.rawValue) and not in the quarantine"
                case true?: "is \(status.rawValue); only a REJECTED upload's content is retained"
                case false?: "is \(status.rawValue) and in the quarantine"
                }
            run.add(.quarantine, "upload \(place.upload) of \(place.organization)", finding)
        }
    }
}
