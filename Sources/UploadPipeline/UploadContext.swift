import Admission
import BlobStore
import Database
import Domain
import Endpoints
import Gate
import HTTP
import Spool

/// Everything known about one upload on its way: one value, passed explicitly from step to step. What a step adds is
/// nil until that step has run.
struct UploadContext: Sendable {
    let requestID: String
    /// Where it comes from; nil where a task confirms it.
    let origin: AuditOrigin?
    /// What brings the body; nil where an upload is confirmed whose body is there.
    let request: Request?
    let id: UploadID
    let receivedAt: Timestamp

    /// Step 1.
    var caller: Caller?
    /// In the line for a scan, until the gate has decided.
    var place: ScanBacklog.Place?
    /// Step 2.
    var ratePass: RateLimitPass?
    /// Step 3.
    var form: UploadForm?
    /// The client's `Idempotency-Key`, once this request is registered as the first under it.
    var idempotencyKey: String?
    /// nil also where nothing is held, since nothing is waited for: the upload is paid for when it is entered.
    var hold: CreditHold?
    var isPaidOnEntry = false
    /// The answer of the request that this one repeats.
    var replay: IdempotentAnswer?
    /// Step 4.
    var spooled: SpooledUpload?
    /// Step 5.
    var mediaType: MediaType?
    /// Step 6.
    var check: GateCheck?
    /// Step 7: content that must not stay unless the upload is entered into the books.
    var hasStoredContent = false
    /// Step 8.
    var record: UploadRecord?
    var answer: UploadAnswer?
    /// Step 9.
    var response: Response?

    init(request: Request, id: UploadID, receivedAt: Timestamp) {
        requestID = request.head.id
        origin = AuditOrigin(request.head)
        self.request = request
        self.id = id
        self.receivedAt = receivedAt
    }

    /// An announced upload that is confirmed: its body is there, and its credits are held.
    init(
        confirming spooled: SpooledUpload, caller: Caller, hold: CreditHold, requestID: String, origin: AuditOrigin?,
        receivedAt: Timestamp
    ) {
        self.requestID = requestID
        self.origin = origin
        request = nil
        id = spooled.file.upload
        self.receivedAt = receivedAt
        self.caller = caller
        self.hold = hold
        self.spooled = spooled
    }

    var isConfirmation: Bool { request == nil }

    /// After this moment the upload's credits may be somebody else's, so it must not go on.
    var deadline: Timestamp? { hold?.expiresAt }

    func requiringRequest() throws(Failure) -> Request {
        guard let request else {
            throw Failure(.internal, privateDetail: "an upload step that reads the body ran for a confirmation")
        }
        return request
    }

    /// The value that an earlier step has set.
    func requiring<Value>(_ path: KeyPath<UploadContext, Value?>) throws(Failure) -> Value {
        guard let value = self[keyPath: path] else {
            throw Failure(.internal, privateDetail: "an upload step ran before the one that it needs")
        }
        return value
    }
}
