package import Domain
import Policy
package import SystemCalls

/// A file that the gate looks at.
package struct GateSubject: Sendable {
    package var mediaType: MediaType
    package var sha256: ContentHash
    package var organization: InternalID
    package var organizationID: OrganizationID
    /// Opens the whole content for reading only. Called where it has to be scanned, which it often has not.
    let open: @Sendable () throws(Failure) -> OwnedDescriptor

    package init(
        mediaType: MediaType, sha256: ContentHash, organization: InternalID, organizationID: OrganizationID,
        open: @escaping @Sendable () throws(Failure) -> OwnedDescriptor
    ) {
        self.open = open
        self.mediaType = mediaType
        self.sha256 = sha256
        self.organization = organization
        self.organizationID = organizationID
    }
}

/// What the gate says of one file.
package struct GateCheck: Sendable {
    package var receipt: DecisionReceipt
    package var scanState: ScanState
    /// The error that a rejection is answered with; nil where the file was accepted.
    package var failure: FailureCode?
    /// When a repeat may find the classifier available again.
    package var retryAfterSeconds: Int?
    /// Whether the content decided. Otherwise the classifier was away, or the file broke or outran its workers: another
    /// moment may decide otherwise, so the answer must not be kept.
    package var isVerdict: Bool
    /// When a late scan without a result is to be repeated; nil for never.
    package var nextScanAt: Timestamp?
    /// What the scan found, to be kept in the transaction that enters the upload; nil where nothing new is known.
    package var verdict: ScanVerdict?

    package init(
        receipt: DecisionReceipt, scanState: ScanState, failure: FailureCode? = nil, retryAfterSeconds: Int? = nil,
        isVerdict: Bool, nextScanAt: Timestamp? = nil, verdict: ScanVerdict? = nil
    ) {
        self.receipt = receipt
        self.scanState = scanState
        self.failure = failure
        self.retryAfterSeconds = retryAfterSeconds
        self.isVerdict = isVerdict
        self.nextScanAt = nextScanAt
        self.verdict = verdict
    }

    /// What the gate said when it wrote the receipt.
    package init(recorded receipt: DecisionReceipt) {
        let outcome = GateRules.outcome(of: receipt.reason, under: receipt.policy)
        self.init(receipt: receipt, scanState: outcome.scanState, failure: outcome.failure, isVerdict: true)
    }
}
