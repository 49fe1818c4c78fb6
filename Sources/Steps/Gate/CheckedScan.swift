import Domain
import WorkerPool

/// What a scan, or the memory of one, says of a file.
struct CheckedScan: Sendable {
    var outcome: ScanOutcome
    /// nil where no worker answered.
    var scanner: ScannerIdentity?
    var scannedAt: Timestamp
    /// nil where the scan had no result that may be used again.
    var verdict: ScanVerdict?
    /// Whether an earlier scan answered.
    var isCached = false
    /// Whether the verdict is in the database already.
    var isKept = false

    var verdictToKeep: ScanVerdict? { isKept ? nil : verdict }

    init(_ outcome: ScanOutcome, scanner: ScannerIdentity? = nil, at scannedAt: Timestamp, verdict: ScanVerdict? = nil)
    {
        self.outcome = outcome
        self.scanner = scanner
        self.scannedAt = scannedAt
        self.verdict = verdict
    }

    init(remembered verdict: ScanVerdict, isKept: Bool) {
        outcome =
            switch verdict.result {
            // No time was spent on decoding and scoring.
            case .scored(let score): .scored(score, elapsedMilliseconds: 0)
            case .unscannable(let explanation): .unscannable(explanation)
            }
        scanner = verdict.subject.scanner
        scannedAt = verdict.scannedAt
        self.verdict = verdict
        self.isKept = isKept
        isCached = true
    }

    /// Whether somebody who waits for the same scan may take this for their own. An outage or a cancellation may be the
    /// one scan's alone; what a file did to its workers it would do again.
    func isShared(under threshold: Double) -> Bool {
        if let verdict { return verdict.stands(under: threshold) }
        switch outcome {
        case .gaveUp, .unsupported: return true
        case .scored, .unscannable, .unavailable: return false
        }
    }
}
