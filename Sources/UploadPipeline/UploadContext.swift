import Admission
import BlobStore
import Database
import Domain
import Gate
import HTTP
import Spool

/// Everything known about one upload on its way: one value, passed explicitly from step to step. What a step adds is
/// nil until that step has run.
struct UploadContext: Sendable {
    let request: Request
    let id: UploadID
    let receivedAt: Timestamp

    /// Step 1.
    var caller: Caller?
    /// Step 2.
    var ratePass: RateLimitPass?
    /// Step 3.
    var form: UploadForm?
    /// The client's `Idempotency-Key`, once this request is registered as the first under it.
    var idempotencyKey: String?
    var hold: CreditHold?
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
        self.request = request
        self.id = id
        self.receivedAt = receivedAt
    }

    /// After this moment the upload's credits may be somebody else's, so it must not go on.
    var deadline: Timestamp? { hold?.expiresAt }

    /// The value that an earlier step has set.
    func requiring<Value>(_ path: KeyPath<UploadContext, Value?>) throws(Failure) -> Value {
        guard let value = self[keyPath: path] else {
            throw Failure(.internal, privateDetail: "an upload step ran before the one that it needs")
        }
        return value
    }
}
