/// What a verdict is about: a content of one organization, taken for a type, before one scanner. Nothing that a policy
/// may change belongs here.
package struct ScanSubject: Hashable, Sendable {
    package let organization: InternalID
    package let sha256: ContentHash
    package let mediaType: MediaType
    package let scanner: ScannerIdentity

    package init(
        organization: InternalID, sha256: ContentHash, mediaType: MediaType, scanner: ScannerIdentity
    ) {
        self.organization = organization
        self.sha256 = sha256
        self.mediaType = mediaType
        self.scanner = scanner
    }
}

/// What a scan found in a content: never a decision, which is made anew each time under the policy of the moment.
package struct ScanVerdict: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        case scored(ScanScore)
        /// The file is to blame; the text may be shown to the client.
        case unscannable(String)
    }

    package let subject: ScanSubject
    package let result: Result
    /// The thresholds, within 0...1, under which a scan would find the same.
    package let thresholds: ClosedRange<Double>
    package let scannedAt: Timestamp

    /// A verdict as it was kept.
    package init(_ subject: ScanSubject, _ result: Result, thresholds: ClosedRange<Double>, scannedAt: Timestamp) {
        self.subject = subject
        self.result = result
        self.thresholds = thresholds
        self.scannedAt = scannedAt
    }

    /// A verdict of a scan that stopped at the first frame at or above `threshold`, 0...1.
    package init(_ subject: ScanSubject, _ result: Result, under threshold: Double, at scannedAt: Timestamp) {
        let isScreened = subject.scanner.model.screenSHA256 != nil
        self.init(
            subject, result, thresholds: Self.thresholds(of: result, under: threshold, isScreened: isScreened),
            scannedAt: scannedAt)
    }

    /// - A score below the threshold is the highest of all frames, whatever the threshold; unless a screen took part, which
    ///   clears less under a lower one.
    /// - A score at or above it ended the scan: it is too high for every threshold up to itself; under a higher one the
    ///   frames that were not looked at count too.
    /// - A file that could not be decoded to its end held no frame at or above the threshold before that place. It may
    ///   hold one for a lower threshold, which a scan would have stopped at; a higher one changes nothing.
    private static func thresholds(
        of result: Result, under threshold: Double, isScreened: Bool
    ) -> ClosedRange<Double> {
        let threshold = min(max(threshold, 0), 1)
        switch result {
        case .scored(let scan) where scan.score < threshold: return (isScreened ? threshold : 0)...1
        case .scored(let scan): return 0...min(max(scan.score, 0), 1)
        case .unscannable: return threshold...1
        }
    }

    /// Whether a scan under this threshold would find the same.
    package func stands(under threshold: Double) -> Bool { thresholds.contains(threshold) }
}
