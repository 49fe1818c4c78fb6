package import Database
package import Domain
import SystemCalls
package import Telemetry
package import WorkerPool

/// Stands in front of the workers: what they found out about the same bytes of the same organization before is not
/// scanned again, and bytes that are being scanned are waited for.
///
/// Per organization, because a cache across tenants would tell by its timing that somebody else has the same file.
package final class VerdictCache: Sendable {
    private let database: any DatabaseDriver
    let pool: ScanPool
    private let retentionDays: Int
    private let time: any TimeSource
    private let flights = ScanFlights()
    private let recent = RecentVerdicts()
    private let lookUps: Counter

    private enum LookUp: String, CaseIterable {
        /// An earlier scan answered.
        case hit
        case miss
        /// A scan that was under way answered.
        case wait
    }

    /// - Parameter retentionDays: how long a verdict answers; 0 for no cache at all.
    package init(
        database: any DatabaseDriver, pool: ScanPool, retentionDays: Int, time: any TimeSource,
        metrics: MetricsRegistry
    ) {
        self.database = database
        self.pool = pool
        self.retentionDays = retentionDays
        self.time = time
        lookUps = metrics.counter(
            "portcullis_verdict_cache_total",
            help: "Checks by what answered: an earlier scan (hit), one that was under way (wait), a new one (miss).",
            labels: ["result"])
        for result in LookUp.allCases { lookUps.increment(by: 0, result.rawValue) }
    }

    /// - Parameter threshold: the one in force, 0...1.
    func scan(
        _ subject: GateSubject, threshold: Double, priority: ScanPriority
    ) async throws(Failure) -> CheckedScan {
        if let found = try find(subject, threshold) { return found }
        let file = try subject.open()
        let job = ScanJob(
            descriptor: file.rawValue, mediaType: subject.mediaType, organization: subject.organizationID,
            threshold: threshold, priority: priority)
        let scan = try await scan(job, subject)
        // Keeps the descriptor open until here.
        _ = consume file
        return scan
    }

    /// Who takes the classifier out of service wants to see an outage.
    private var answers: Bool { retentionDays > 0 && !pool.status.outOfService }

    private func find(_ subject: GateSubject, _ threshold: Double) throws(Failure) -> CheckedScan? {
        guard answers, let scanner = pool.status.scanner else { return nil }
        return try find(subject.scanned(by: scanner), threshold).map { count(.hit, $0) }
    }

    private func scan(_ job: ScanJob, _ subject: GateSubject) async throws(Failure) -> CheckedScan {
        let threshold = job.threshold
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(pool.queueWaitMilliseconds)
        while answers {
            let scanner = pool.status.scanner
            let key = ScanFlights.Key(
                organization: subject.organization, sha256: subject.sha256, mediaType: subject.mediaType,
                scanner: scanner?.fingerprint, priority: job.priority)
            switch await flights.join(key) {
            case .lead:
                let scan = await lead(job, subject, scanner.map { subject.scanned(by: $0) })
                flights.end(key, with: scan)
                return scan
            case .ended(let scan):
                if scan.isShared(under: threshold) { return count(.wait, scan) }
                // What failed the other may not fail this one, which has its own time to wait for a worker.
                guard clock.now >= end, case .unavailable(let reason, _) = scan.outcome, reason != .cancelled else {
                    if let found = try find(subject, threshold) { return found }
                    continue
                }
                return scan
            case .cancelled:
                return CheckedScan(.unavailable(.cancelled, retryAfterSeconds: 1), at: time.now())
            }
        }
        return await perform(job, subject)
    }

    private func lead(_ job: ScanJob, _ subject: GateSubject, _ scanned: ScanSubject?) async -> CheckedScan {
        // The scan that was under way may have ended since it was looked for.
        if let scanned, let verdict = recent.find(scanned), isGood(verdict, under: job.threshold) {
            return count(.hit, CheckedScan(remembered: verdict, isKept: false))
        }
        let scan = count(.miss, await perform(job, subject))
        if let verdict = scan.verdict { recent.insert(verdict) }
        return scan
    }

    private func perform(_ job: ScanJob, _ subject: GateSubject) async -> CheckedScan {
        let report = await pool.report(on: job)
        let now = time.now()
        var verdict: ScanVerdict?
        if retentionDays > 0, let scanner = report.scanner, let result = report.outcome.verdict {
            verdict = ScanVerdict(subject.scanned(by: scanner), result, under: job.threshold, at: now)
        }
        return CheckedScan(report.outcome, scanner: report.scanner, at: now, verdict: verdict)
    }

    private func find(_ subject: ScanSubject, _ threshold: Double) throws(Failure) -> CheckedScan? {
        if let verdict = recent.find(subject), isGood(verdict, under: threshold) {
            return CheckedScan(remembered: verdict, isKept: false)
        }
        let verdict: ScanVerdict? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.verdicts.find(subject)
        }
        guard let verdict, isGood(verdict, under: threshold) else { return nil }
        return CheckedScan(remembered: verdict, isKept: true)
    }

    private func isGood(_ verdict: ScanVerdict, under threshold: Double) -> Bool {
        verdict.stands(under: threshold)
            && verdict.scannedAt > time.now().adding(seconds: -Int64(retentionDays) * 86_400)
    }

    private func count(_ result: LookUp, _ scan: CheckedScan) -> CheckedScan {
        lookUps.increment(result.rawValue)
        return scan
    }
}

extension GateSubject {
    fileprivate func scanned(by scanner: ScannerIdentity) -> ScanSubject {
        ScanSubject(organization: organization, sha256: sha256, mediaType: mediaType, scanner: scanner)
    }
}

extension ScanOutcome {
    /// What of it may answer for the same bytes again; nil where another moment may find something else.
    fileprivate var verdict: ScanVerdict.Result? {
        switch self {
        case .scored(let score, _): .scored(score)
        case .unscannable(let explanation): .unscannable(explanation)
        case .gaveUp, .unsupported, .unavailable: nil
        }
    }
}
