package import Domain

/// The gate's decision table, as pure functions: what applies, and what becomes of an upload for each finding.
package enum GateRules {
    /// What becomes of one upload.
    package struct Outcome: Hashable, Sendable {
        package var decision: GateDecision
        package var scanState: ScanState
        /// The error that a rejection is answered with; nil for an accepted upload.
        package var failure: FailureCode?
    }

    /// Why the gate does not apply to the organization; nil where it does. The plane is looked at first: on a dedicated
    /// plane the toggle means nothing.
    package static func exemption(under policy: GatePolicy) -> Finding? {
        if policy.plane == .dedicated { return .dedicatedPlane }
        if !policy.settings.checkEnabled { return .disabled }
        return nil
    }

    /// What a score says against a threshold; both in 0...1.
    package static func finding(score: Double, threshold: Double) -> Finding {
        score >= threshold ? .nsfw : .clean
    }

    /// The row of the decision table for a check that is made before the upload is admitted.
    package static func outcome(of finding: Finding, under policy: GatePolicy) -> Outcome {
        let failClosed = policy.settings.failClosed
        switch finding {
        case .clean: return accepted(.scanned)
        case .nsfw: return rejected(.nsfwContentRejected)
        // Not an outage: whoever sends a file that breaks the decoder must not pass by it, in either mode.
        case .unscannable: return rejected(.imageUnscannable)
        case .unsupported: return failClosed ? rejected(.unsupportedImageType) : accepted(.unscanned)
        case .classifierUnavailable: return failClosed ? rejected(.classifierUnavailable) : accepted(.unscanned)
        case .notAnImage, .dedicatedPlane, .disabled: return accepted(.skipped)
        }
    }

    /// What becomes of an upload that was admitted unscanned, once it is scanned after all. What the gate would have
    /// refused for its content is quarantined; fail-closed is never applied after the fact. nil: it stays unscanned.
    package static func lateOutcome(of finding: Finding) -> Outcome? {
        switch finding {
        case .clean: accepted(.scanned)
        case .nsfw, .unscannable: Outcome(decision: .quarantined, scanState: .scanned, failure: nil)
        // Noted, so that it is not tried again and again; a build with a decoder for it will.
        case .unsupported: accepted(.unscanned)
        case .classifierUnavailable: nil
        case .notAnImage, .dedicatedPlane, .disabled: accepted(.skipped)
        }
    }

    /// How long a late scan without a result waits to be repeated; nil after `attempts` of them were enough. The upload
    /// is not served meanwhile: what broke its workers may be the file, or a machine that had too much to do.
    package static func repeatDelaySeconds(afterAttempts attempts: Int) -> Int64? {
        let delays: [Int64] = [60, 600, 3_600, 21_600, 86_400]
        return delays.indices.contains(attempts - 1) ? delays[attempts - 1] : nil
    }

    private static func accepted(_ state: ScanState) -> Outcome {
        Outcome(decision: .accepted, scanState: state, failure: nil)
    }

    private static func rejected(_ code: FailureCode) -> Outcome {
        Outcome(decision: .rejected, scanState: code == .nsfwContentRejected ? .scanned : .unscanned, failure: code)
    }
}
