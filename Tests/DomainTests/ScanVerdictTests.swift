import Domain
import Testing

@Suite("What a verdict says under another threshold")
struct ScanVerdictTests {
    private static let subject = ScanSubject(
        organization: InternalID(rawValue: "int_x"),
        sha256: ContentHash(rawValue: String(repeating: "0", count: 64))!, mediaType: .gif,
        scanner: ScannerIdentity(
            model: ModelIdentity(name: "m", sha256: "", preprocessing: "1"),
            fingerprint: ContentHash(rawValue: String(repeating: "1", count: 64))!))

    private static func verdict(_ result: ScanVerdict.Result, under threshold: Double) -> ScanVerdict {
        ScanVerdict(subject, result, under: threshold, at: Timestamp(milliseconds: 1))
    }

    private static func score(_ score: Double, scanned: Int = 3) -> ScanVerdict.Result {
        .scored(ScanScore(score: score, framesTotal: 3, framesScanned: scanned))
    }

    // A scan stops at the first frame at or above the threshold, so a score below it is the highest of all frames, and
    // one at or above it may be exceeded by a frame that nobody looked at.
    @Test(
        "It stands where a scan would find the same",
        arguments: [
            // Every frame was looked at.
            (score(0.3), 0.8, [0, 0.3, 0.5, 0.8, 1], []),
            // The scan ended at 0.9; a later frame may have 0.97.
            (score(0.9, scanned: 2), 0.8, [0, 0.5, 0.8, 0.9], [0.91, 0.95, 1]),
            // Exactly the threshold ends a scan, too.
            (score(0.8, scanned: 1), 0.8, [0, 0.8], [0.81, 1]),
            (score(0, scanned: 1), 0, [0], [0.1, 1]), (score(1, scanned: 1), 1, [0, 1], []),
            // Before the place where decoding failed there may be a frame with 0.6, for which a scan under 0.5 had
            // ended before.
            (.unscannable("truncated"), 0.8, [0.8, 0.9, 1], [0, 0.5, 0.79]),
        ] as [(ScanVerdict.Result, Double, [Double], [Double])])
    func stands(_ result: ScanVerdict.Result, _ threshold: Double, _ within: [Double], _ beyond: [Double]) {
        let verdict = Self.verdict(result, under: threshold)
        #expect(within.allSatisfy { verdict.stands(under: $0) })
        #expect(!beyond.contains { verdict.stands(under: $0) })
    }

    // The margin below which the screen clears falls with the threshold: what it cleared under one may have to be scored
    // exactly under a lower one.
    @Test("Where a screen took part, a clean file is clean under higher thresholds alone")
    func screened() {
        var scanner = Self.subject.scanner.model
        scanner.screenSHA256 = String(repeating: "2", count: 64)
        let subject = ScanSubject(
            organization: Self.subject.organization, sha256: Self.subject.sha256, mediaType: .gif,
            scanner: ScannerIdentity(model: scanner, fingerprint: Self.subject.scanner.fingerprint))
        let moment = Timestamp(milliseconds: 1)
        let clean = ScanVerdict(subject, Self.score(0.1), under: 0.8, at: moment)
        #expect(clean.thresholds == 0.8...1)
        let found = ScanVerdict(subject, Self.score(0.9), under: 0.8, at: moment)
        #expect(found.thresholds == 0...0.9)
    }
}
