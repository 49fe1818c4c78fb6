/// What a check of one file found (the left column of the decision table).
package enum Finding: String, CaseIterable, Sendable {
    /// Every examined frame scored below the threshold.
    case clean
    /// A frame scored at or above the threshold.
    case nsfw
    /// An image by its magic bytes that cannot be decoded, breaks a decode limit, or broke two workers.
    case unscannable
    /// An image type that this build has no decoder for.
    case unsupported
    /// The classifier's own trouble: no model, no live worker, queue full, waited too long.
    case classifierUnavailable = "classifier_unavailable"
    /// Text, PDF, audio, archive and the like.
    case notAnImage = "not_an_image"
    /// The gate does not apply: the organization is on a dedicated plane.
    case dedicatedPlane = "dedicated_plane"
    /// The gate does not apply: the organization turned it off.
    case disabled
}

/// What becomes of an upload.
package enum GateDecision: String, Sendable {
    case accepted
    case rejected
    case quarantined
}

/// How far an accepted upload was examined.
package enum ScanState: String, CaseIterable, Sendable {
    /// Scored by the classifier.
    case scanned
    /// Admitted although the gate applied and could not score it: the organization's unscanned debt.
    case unscanned
    /// The gate did not apply to it.
    case skipped
}

/// Frames and scores of one file.
package struct ScanScore: Hashable, Sendable {
    /// The highest score of all examined frames, 0...1: the screen's where that cleared the file, else the highest of those
    /// that were scored exactly.
    package var score: Double
    package var framesTotal: Int
    package var framesScanned: Int
    package var pass: ScanPass
    package init(score: Double, framesTotal: Int, framesScanned: Int, pass: ScanPass = .exact) {
        self.score = score
        self.framesTotal = framesTotal
        self.framesScanned = framesScanned
        self.pass = pass
    }
}

/// The classifier that gave a score.
package struct ModelIdentity: Hashable, Sendable {
    package var name: String
    /// SHA-256 of the model file.
    package var sha256: String
    /// Version of the preprocessing, as the model's manifest names it.
    package var preprocessing: String
    /// SHA-256 of the screen model's file; nil where no screen took part.
    package var screenSHA256: String?
    package init(name: String, sha256: String, preprocessing: String, screenSHA256: String? = nil) {
        self.name = name
        self.sha256 = sha256
        self.preprocessing = preprocessing
        self.screenSHA256 = screenSHA256
    }
}

/// Why an upload was let in or kept out, bound to the SHA-256 of its bytes.
package struct DecisionReceipt: Hashable, Sendable {
    package var decision: GateDecision
    package var reason: Finding
    package var scan: ScanScore?
    package var threshold: Double
    /// nil where no classifier took part.
    package var model: ModelIdentity?
    /// The organization's settings as they were read for this check.
    package var policy: GatePolicy
    package var scannedAt: Timestamp
    package var elapsedMilliseconds: Double
    package var sha256: ContentHash
    /// What exactly could not be scanned, for `unscannable`; no private detail.
    package var explanation: String?
    /// Whether an earlier scan of the same bytes answered; `scannedAt` is that scan's time then.
    package var isCached: Bool

    package init(
        decision: GateDecision, reason: Finding, scan: ScanScore? = nil, threshold: Double,
        model: ModelIdentity? = nil, policy: GatePolicy, scannedAt: Timestamp, elapsedMilliseconds: Double,
        sha256: ContentHash, explanation: String? = nil, isCached: Bool = false
    ) {
        self.decision = decision
        self.reason = reason
        self.scan = scan
        self.threshold = threshold
        self.model = model
        self.policy = policy
        self.scannedAt = scannedAt
        self.elapsedMilliseconds = elapsedMilliseconds
        self.sha256 = sha256
        self.explanation = explanation
        self.isCached = isCached
    }
}
