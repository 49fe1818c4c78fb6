package import Database
package import Domain
import Policy
import WorkerPool

/// Step 6: decides whether a file gets in, by the organization's own policy.
package struct UploadGate: Sendable {
    private let database: any DatabaseDriver
    private let cache: VerdictCache
    private let currentThreshold: @Sendable () -> Double
    private let time: any TimeSource
    private let backlog: ScanBacklog

    /// - Parameters:
    ///   - threshold: gives what is in force at the moment of a check: scores at or above it are NSFW; 0...1.
    ///   - backlog: whose turn would not come in time.
    package init(
        database: any DatabaseDriver, cache: VerdictCache, threshold: @escaping @Sendable () -> Double,
        time: any TimeSource, backlog: ScanBacklog
    ) {
        self.database = database
        self.cache = cache
        currentThreshold = threshold
        self.time = time
        self.backlog = backlog
    }

    /// Whether the organization's images are checked, as its settings stand.
    package func applies(to organization: Organization) -> Bool {
        GateRules.exemption(under: organization.gatePolicy) == nil
    }

    /// Takes a place in the organization's line, before anything of an upload is received; nil where nothing of it will
    /// wait: the gate does not apply, or the classifier is away.
    ///
    /// - Parameter isReceiving: whether the upload's body is yet to come.
    /// - Throws: `overloaded` where the upload's turn would not come in time.
    package func takePlace(for organization: Organization, isReceiving: Bool) throws(Failure) -> ScanBacklog.Place? {
        guard applies(to: organization), cache.pool.isAvailable else { return nil }
        let status = cache.pool.status
        return try backlog.enter(
            organization.id, isReceiving: isReceiving,
            capacity: ScanBacklog.Capacity(workers: status.live, meanScanSeconds: status.meanScanSeconds))
    }

    /// Checks a file before it is admitted. The policy is read once, now, so that a change through the settings
    /// endpoint governs the very next check.
    package func check(_ subject: GateSubject) async throws(Failure) -> GateCheck {
        let policy = try currentPolicy(of: subject.organization)
        let examination = try await examine(subject, under: policy, priority: .upload)
        if let refusal = examination.refusal { throw refusal }
        let outcome = GateRules.outcome(of: examination.finding, under: policy)
        return GateCheck(
            receipt: receipt(outcome.decision, examination, policy, subject), scanState: outcome.scanState,
            failure: outcome.failure, retryAfterSeconds: examination.retryAfterSeconds,
            isVerdict: examination.isVerdict, verdict: examination.verdict)
    }

    /// Checks a file that was admitted unscanned; nil where it cannot be scanned now either.
    ///
    /// - Parameter attempts: how often that had no result before, because the file broke or outran its workers.
    package func recheck(_ subject: GateSubject, attempts: Int = 0) async throws(Failure) -> GateCheck? {
        let policy = try currentPolicy(of: subject.organization)
        let examination = try await examine(subject, under: policy, priority: .backlog)
        guard examination.refusal == nil, let outcome = GateRules.lateOutcome(of: examination.finding) else {
            return nil
        }
        return GateCheck(
            receipt: receipt(outcome.decision, examination, policy, subject),
            scanState: examination.isVerdict ? outcome.scanState : .unscanned, isVerdict: examination.isVerdict,
            nextScanAt: examination.isVerdict
                ? nil
                : GateRules.repeatDelaySeconds(afterAttempts: attempts + 1).map { time.now().adding(seconds: $0) },
            verdict: examination.verdict)
    }

    private func currentPolicy(of organization: InternalID) throws(Failure) -> GatePolicy {
        let policy: GatePolicy? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.organizations.gatePolicy(organization)
        }
        guard let policy else { throw .organizationDeleted }
        return policy
    }

    private struct Examination {
        var finding: Finding
        var scan: ScanScore?
        var explanation: String?
        var retryAfterSeconds: Int?
        var isVerdict = true
        /// Why the upload is refused without a decision: it is its organization's trouble, not the classifier's.
        var refusal: Failure?
        var threshold: Double
        var elapsed: Duration = .zero
        var model: ModelIdentity?
        /// nil where nothing was scanned.
        var scannedAt: Timestamp?
        var isCached = false
        var verdict: ScanVerdict?
    }

    private func examine(
        _ subject: GateSubject, under policy: GatePolicy, priority: ScanPriority
    ) async throws(Failure) -> Examination {
        let threshold = currentThreshold()
        if let exemption = GateRules.exemption(under: policy) {
            return Examination(finding: exemption, threshold: threshold)
        }
        guard subject.mediaType.isImage else { return Examination(finding: .notAnImage, threshold: threshold) }
        guard MediaType.decodable.contains(subject.mediaType) else {
            return Examination(
                finding: .unsupported, explanation: "\(subject.mediaType.rawValue) cannot be decoded by this build",
                threshold: threshold)
        }
        let start = ContinuousClock.now
        let scan = try await cache.scan(subject, threshold: threshold, priority: priority)
        var examination = Self.examination(of: scan.outcome, threshold: threshold)
        examination.elapsed = ContinuousClock.now - start
        if examination.scan != nil { examination.model = scan.scanner?.model }
        (examination.scannedAt, examination.isCached) = (scan.scannedAt, scan.isCached)
        examination.verdict = scan.verdictToKeep
        return examination
    }

    private static func examination(of outcome: ScanOutcome, threshold: Double) -> Examination {
        switch outcome {
        case .scored(let scan, _):
            Examination(
                finding: GateRules.finding(score: scan.score, threshold: threshold), scan: scan, threshold: threshold)
        case .unscannable(let explanation):
            Examination(finding: .unscannable, explanation: explanation, threshold: threshold)
        case .gaveUp(_, let explanation):
            Examination(finding: .unscannable, explanation: explanation, isVerdict: false, threshold: threshold)
        case .unsupported(let explanation):
            Examination(finding: .unsupported, explanation: explanation, threshold: threshold)
        case .unavailable(.heldBack, let retryAfter):
            Examination(
                finding: .classifierUnavailable, isVerdict: false,
                refusal: Failure(
                    .overloaded,
                    "Other files of the organization keep the classifier busy, or broke it lately; this one had to wait "
                        + "too long.", retryAfterSeconds: retryAfter), threshold: threshold)
        case .unavailable(let reason, let retryAfter):
            Examination(
                finding: .classifierUnavailable, explanation: "the classifier is unavailable: \(reason.rawValue)",
                retryAfterSeconds: retryAfter, isVerdict: false, threshold: threshold)
        }
    }

    private func receipt(
        _ decision: GateDecision, _ examination: Examination, _ policy: GatePolicy, _ subject: GateSubject
    ) -> DecisionReceipt {
        var model = examination.model
        if examination.scan?.pass == .exact { model?.screenSHA256 = nil }
        let (seconds, attoseconds) = examination.elapsed.components
        return DecisionReceipt(
            decision: decision, reason: examination.finding, scan: examination.scan, threshold: examination.threshold,
            model: model, policy: policy, scannedAt: examination.scannedAt ?? time.now(),
            elapsedMilliseconds: Double(seconds) * 1000 + Double(attoseconds / 1_000_000_000_000) / 1000,
            sha256: subject.sha256, explanation: examination.explanation, isCached: examination.isCached)
    }
}
