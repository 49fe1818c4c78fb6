package import Database
package import Domain

/// One upload as it is entered into the books.
package struct UploadEntry: Sendable {
    package let record: UploadRecord
    package let organization: OrganizationID
    /// nil where no credits were held: an accepted upload is paid for as it is entered.
    package let hold: HoldID?
    package let requestID: String
    /// Who uploads, as was known when the upload began: the key may be gone when it ends. nil where only the key is
    /// known.
    package let caller: Caller?
    package let origin: AuditOrigin?
    /// What a repeat under the request's idempotency key is answered with; nil without a key.
    package let idempotency: IdempotencyEntry?
    /// Whether it was announced before, and is confirmed by this.
    package let isConfirmation: Bool
    /// What its scan found, to be kept for the next upload of the same bytes; nil where nothing new is known.
    package let verdict: ScanVerdict?

    package init(
        record: UploadRecord, organization: OrganizationID, hold: HoldID?, requestID: String,
        idempotency: IdempotencyEntry?, isConfirmation: Bool = false, caller: Caller? = nil,
        origin: AuditOrigin? = nil, verdict: ScanVerdict? = nil
    ) {
        self.record = record
        self.organization = organization
        self.hold = hold
        self.requestID = requestID
        self.idempotency = idempotency
        self.isConfirmation = isConfirmation
        self.caller = caller
        self.origin = origin
        self.verdict = verdict
    }
}

/// The answer of an upload that carries an idempotency key.
package struct IdempotencyEntry: Sendable {
    package let key: String
    /// Of what the request says and carries; a repeat with another one is a conflict.
    package let fingerprint: ContentHash
    package let status: Int
    /// JSON text.
    package let body: String
    /// Whether a repeat gets this answer; otherwise it runs anew.
    package let isKept: Bool

    package init(key: String, fingerprint: ContentHash, status: Int, body: String, isKept: Bool) {
        self.key = key
        self.fingerprint = fingerprint
        self.status = status
        self.body = body
        self.isKept = isKept
    }
}
