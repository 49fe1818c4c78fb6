import Domain
import Policy
import Testing

@Suite("The gate's decision table")
struct GateRulesTests {
    struct Row: Sendable, CustomStringConvertible {
        let finding: Finding
        let open: (GateDecision, ScanState, FailureCode?)
        let closed: (GateDecision, ScanState, FailureCode?)
        var description: String { finding.rawValue }
    }

    static let table: [Row] = [
        Row(finding: .clean, open: (.accepted, .scanned, nil), closed: (.accepted, .scanned, nil)),
        Row(
            finding: .nsfw, open: (.rejected, .scanned, .nsfwContentRejected),
            closed: (.rejected, .scanned, .nsfwContentRejected)),
        Row(
            finding: .unscannable, open: (.rejected, .unscanned, .imageUnscannable),
            closed: (.rejected, .unscanned, .imageUnscannable)),
        Row(
            finding: .unsupported, open: (.accepted, .unscanned, nil),
            closed: (.rejected, .unscanned, .unsupportedImageType)),
        Row(
            finding: .classifierUnavailable, open: (.accepted, .unscanned, nil),
            closed: (.rejected, .unscanned, .classifierUnavailable)),
        Row(finding: .notAnImage, open: (.accepted, .skipped, nil), closed: (.accepted, .skipped, nil)),
        Row(finding: .dedicatedPlane, open: (.accepted, .skipped, nil), closed: (.accepted, .skipped, nil)),
        Row(finding: .disabled, open: (.accepted, .skipped, nil), closed: (.accepted, .skipped, nil)),
    ]

    @Test("Every finding has its row, open and closed", arguments: table)
    func row(_ row: Row) {
        for (failClosed, expected) in [(false, row.open), (true, row.closed)] {
            let policy = GatePolicy(plane: .shared, settings: GateSettings(failClosed: failClosed))
            let outcome = GateRules.outcome(of: row.finding, under: policy)
            #expect(outcome.decision == expected.0)
            #expect(outcome.scanState == expected.1)
            #expect(outcome.failure == expected.2)
        }
    }

    @Test("The table leaves no finding out")
    func complete() {
        #expect(Set(Self.table.map(\.finding)) == Set(Finding.allCases))
    }

    @Test("The statuses are those of the table")
    func statuses() {
        #expect(FailureCode.nsfwContentRejected.status == 422)
        #expect(FailureCode.imageUnscannable.status == 422)
        #expect(FailureCode.unsupportedImageType.status == 415)
        #expect(FailureCode.classifierUnavailable.status == 503)
    }

    @Test("The gate applies only on the shared plane and only when it is on")
    func exemption() {
        for failClosed in [false, true] {
            let on = GateSettings(checkEnabled: true, failClosed: failClosed)
            let off = GateSettings(checkEnabled: false, failClosed: failClosed)
            #expect(GateRules.exemption(under: GatePolicy(plane: .shared, settings: on)) == nil)
            #expect(GateRules.exemption(under: GatePolicy(plane: .shared, settings: off)) == .disabled)
            #expect(GateRules.exemption(under: GatePolicy(plane: .dedicated, settings: on)) == .dedicatedPlane)
            #expect(GateRules.exemption(under: GatePolicy(plane: .dedicated, settings: off)) == .dedicatedPlane)
        }
    }

    @Test("A score at the threshold is NSFW, one just below it is not")
    func threshold() {
        #expect(GateRules.finding(score: 0.8, threshold: 0.8) == .nsfw)
        #expect(GateRules.finding(score: 0.8.nextDown, threshold: 0.8) == .clean)
        #expect(GateRules.finding(score: 0, threshold: 0.8) == .clean)
        #expect(GateRules.finding(score: 1, threshold: 0.8) == .nsfw)
    }

    @Test("A late scan quarantines what the content condemns and never fails closed")
    func late() {
        #expect(GateRules.lateOutcome(of: .clean)?.decision == .accepted)
        #expect(GateRules.lateOutcome(of: .nsfw)?.decision == .quarantined)
        #expect(GateRules.lateOutcome(of: .unscannable)?.decision == .quarantined)
        #expect(GateRules.lateOutcome(of: .classifierUnavailable) == nil)
        #expect(GateRules.lateOutcome(of: .unsupported)?.scanState == .unscanned)
        #expect(GateRules.lateOutcome(of: .disabled)?.scanState == .skipped)
    }
}
