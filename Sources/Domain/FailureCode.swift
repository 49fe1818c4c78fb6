/// Every error that an answer can carry. Codes are part of the API: they never change their meaning.
package enum FailureCode: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case malformedJSON = "malformed_json"
    case malformedMultipart = "malformed_multipart"
    case truncatedBody = "truncated_body"
    case unauthorized
    case forbidden
    case notEnabled = "not_enabled"
    case insufficientCredits = "insufficient_credits"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case requestTimeout = "request_timeout"
    case alreadyExists = "already_exists"
    case conflict
    case idempotencyConflict = "idempotency_conflict"
    case idempotencyInProgress = "idempotency_in_progress"
    case quarantined
    case gone
    case lengthRequired = "length_required"
    case preconditionFailed = "precondition_failed"
    case payloadTooLarge = "payload_too_large"
    case unsupportedImageType = "unsupported_image_type"
    case unsupportedMediaType = "unsupported_media_type"
    case rangeNotSatisfiable = "range_not_satisfiable"
    case expectationFailed = "expectation_failed"
    case validation = "validation_error"
    case nsfwContentRejected = "nsfw_content_rejected"
    case imageUnscannable = "image_unscannable"
    case emptyFile = "empty_file"
    case fileHashMismatch = "file_hash_mismatch"
    case tooManyRequests = "rate_limit_exceeded"
    case headersTooLarge = "headers_too_large"
    case `internal` = "internal_error"
    case notImplemented = "not_implemented"
    case overloaded
    case shuttingDown = "shutting_down"
    case classifierUnavailable = "nsfw_classifier_unavailable"
    case deadlineExceeded = "deadline_exceeded"
    case insufficientStorage = "insufficient_storage"

    private struct Row {
        let status: Int
        let type: String
        let message: String
        init(_ status: Int, _ type: String, _ message: String) {
            self.status = status
            self.type = type
            self.message = message
        }
    }

    /// HTTP status code.
    package var status: Int { row.status }
    /// `error.type`, as Mixpeek's API names it where it has a name.
    package var type: String { row.type }
    package var defaultMessage: String { row.message }

    // The one table of errors: status, type, public message.
    private var row: Row {
        switch self {
        case .badRequest: Row(400, "BadRequestError", "The request is malformed.")
        case .malformedJSON: Row(400, "BadRequestError", "The body is not the JSON that was expected.")
        case .malformedMultipart: Row(400, "BadRequestError", "The multipart body is malformed.")
        case .truncatedBody: Row(400, "BadRequestError", "The body ended before its announced length.")
        case .unauthorized: Row(401, "UnauthorizedError", "A valid bearer key is required.")
        case .insufficientCredits: Row(402, "PaymentRequiredError", "Not enough credits.")
        case .forbidden: Row(403, "ForbiddenError", "The key lacks the permission for this.")
        case .notEnabled: Row(403, "NotEnabledError", "This operation is not enabled here.")
        case .notFound: Row(404, "NotFoundError", "There is no such resource.")
        case .methodNotAllowed: Row(405, "MethodNotAllowedError", "The resource does not have this method.")
        case .requestTimeout: Row(408, "RequestTimeoutError", "The request arrived too slowly.")
        case .alreadyExists: Row(409, "AlreadyExistsError", "The resource exists already.")
        case .conflict: Row(409, "ConflictError", "The request conflicts with another one.")
        case .idempotencyConflict:
            Row(409, "ConflictError", "The idempotency key was used for another request.")
        case .idempotencyInProgress:
            Row(409, "ConflictError", "The first request under this idempotency key is still running.")
        case .quarantined: Row(410, "GoneError", "The upload was quarantined and is not served.")
        case .gone: Row(410, "GoneError", "The content was deleted.")
        case .lengthRequired: Row(411, "BadRequestError", "A Content-Length is required.")
        case .preconditionFailed: Row(412, "BadRequestError", "The content is not the version that was asked for.")
        case .payloadTooLarge: Row(413, "PayloadTooLargeError", "The body is too large.")
        case .unsupportedImageType:
            Row(415, "ContentRejectedError", "The image's type cannot be checked, and the organization fails closed.")
        case .unsupportedMediaType: Row(415, "BadRequestError", "The content type is not supported here.")
        case .rangeNotSatisfiable: Row(416, "BadRequestError", "The range lies outside the content.")
        case .expectationFailed: Row(417, "BadRequestError", "Only the expectation 100-continue is supported.")
        case .validation: Row(422, "ValidationError", "The request is not valid.")
        case .nsfwContentRejected: Row(422, "ContentRejectedError", "The upload was classified as NSFW.")
        case .imageUnscannable:
            Row(422, "ContentRejectedError", "The image cannot be decoded within the limits, so it cannot be checked.")
        case .emptyFile: Row(422, "ValidationError", "The file is empty.")
        case .fileHashMismatch: Row(422, "ValidationError", "The content does not have the hash that was announced.")
        case .tooManyRequests: Row(429, "TooManyRequestsError", "Too many requests.")
        case .headersTooLarge: Row(431, "BadRequestError", "The header section is too large.")
        case .internal: Row(500, "InternalServerError", "The service failed; the request ID identifies the event.")
        case .notImplemented: Row(501, "BadRequestError", "The transfer coding is not supported.")
        case .overloaded: Row(503, "ServiceUnavailableError", "The service is overloaded.")
        case .shuttingDown: Row(503, "ServiceUnavailableError", "The service is shutting down.")
        case .classifierUnavailable:
            Row(503, "ClassifierUnavailableError", "The classifier is unavailable, and the organization fails closed.")
        case .deadlineExceeded: Row(503, "ServiceUnavailableError", "The request exceeded its deadline.")
        case .insufficientStorage: Row(507, "InsufficientStorageError", "The storage is full.")
        }
    }
}
