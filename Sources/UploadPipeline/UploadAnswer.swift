import Crypto
package import Database
import Domain
import Endpoints
import Gate
package import HTTP
import Spool

/// What a finished upload is answered with. It is made before the commit, because a repeat under the same idempotency
/// key gets the same bytes.
package struct UploadAnswer: Sendable {
    let status: Int
    /// JSON text.
    let body: String
    let headers: [(name: String, value: String)]
    /// Whether a repeat gets this answer; what another moment may change is not kept.
    let isKept: Bool
    /// The error of a rejection, for the log; nil for an accepted upload.
    let failure: Failure?

    init(for record: UploadRecord, organization: OrganizationID, check: GateCheck) {
        guard let code = check.failure else {
            status = 201
            body = record.presentation(organization: organization).encoded
            headers = [Self.location(record.id)]
            isKept = true
            failure = nil
            return
        }
        let rejection = Self.rejection(code, record, check)
        status = code.status
        body = rejection.envelope.encoded
        headers = rejection.retryAfterSeconds.map { [("Retry-After", String($0))] } ?? []
        isKept = check.isVerdict && (code == .nsfwContentRejected || code == .imageUnscannable)
        failure = rejection
    }

    package init(replaying answer: IdempotentAnswer) {
        status = answer.status
        body = answer.response
        headers = [("Idempotent-Replayed", "true")] + (status == 201 ? [Self.location(answer.upload)] : [])
        isKept = true
        failure = nil
    }

    package var response: Response {
        var response = Response(status: status, body: .bytes(Array(body.utf8)))
        response.headers["Content-Type"] = "application/json"
        if let failure { response.logFields["error"] = .string(failure.code.rawValue) }
        return response.adding(headers)
    }

    /// What a request says and carries, however its body was framed: what must be the same for it to be a repeat.
    static func fingerprint(of upload: SpooledUpload) -> ContentHash {
        let said: JSONValue = [
            "sha256": .string(upload.sha256.rawValue), "filename": .string(upload.fields.filename),
            "bucket": .string(upload.fields.bucket), "content_type": .string(upload.fields.contentType),
            "metadata": .object(upload.fields.metadata),
        ]
        return SHA256.hash(of: said.encoded)
    }

    private static func location(_ upload: UploadID) -> (name: String, value: String) {
        ("Location", "/v1/uploads/\(upload.rawValue)")
    }

    static func rejection(_ code: FailureCode, _ record: UploadRecord, _ check: GateCheck) -> Failure {
        let isOutage = code == .classifierUnavailable
        var details: JSONObject = ["upload_id": .string(record.id.rawValue), "gate": record.receipt.presentation]
        // What the content or its type condemns, no repeat will change.
        if check.isVerdict { details["retryable"] = false }
        var message = code.defaultMessage
        if let explanation = record.receipt.explanation { message += " (\(explanation))" }
        return Failure(
            code, message, details: details, retryAfterSeconds: isOutage ? check.retryAfterSeconds ?? 1 : nil)
    }
}
