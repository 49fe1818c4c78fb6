/// Why a request is answered with an error: a stable code from the table in `FailureCode`, a message that may be shown
/// to the client, and a private detail for the log.
package struct Failure: Error, Sendable {
    package var code: FailureCode
    /// Names what is wrong, where, and what was expected. Shown to the client.
    package var message: String
    /// `error.details` of the answer: an object or nothing.
    package var details: JSONObject?
    /// Goes to the log, never to the client.
    package var privateDetail: String?
    /// Seconds after which a repeat may succeed, for `Retry-After`.
    package var retryAfterSeconds: Int?
    /// Header fields that the answer carries besides, such as `Allow`.
    package var headers: [(name: String, value: String)]

    package init(
        _ code: FailureCode, _ message: String? = nil, details: JSONObject? = nil, privateDetail: String? = nil,
        retryAfterSeconds: Int? = nil, headers: [(name: String, value: String)] = []
    ) {
        self.code = code
        self.message = message ?? code.defaultMessage
        self.details = details
        self.privateDetail = privateDetail
        self.retryAfterSeconds = retryAfterSeconds
        self.headers = headers
    }

    /// The error envelope: `{"success":false,"status":N,"error":{"message","type","code","details"}}`.
    package var envelope: JSONValue {
        [
            "success": false, "status": .integer(Int64(code.status)),
            "error": [
                "message": .string(message), "type": .string(code.type), "code": .string(code.rawValue),
                "details": JSONValue(details),
            ],
        ]
    }

    /// A 422 that names each field and what is wrong with it.
    package static func validation(_ errors: [ValidationError]) -> Failure {
        Failure(
            .validation, errors.map(\.summary).joined(separator: "; "),
            details: ["validation_errors": .array(errors.map(\.json))])
    }
}

extension String {
    /// The message of `insufficient_storage` where there may be room, and nothing can be written all the same.
    package static let notWritable = "The storage cannot be written."
}

/// One field of a request that does not hold.
package struct ValidationError: Hashable, Sendable {
    /// Machine-readable kind, such as `unknown_field` or `string_too_long`.
    package var type: String
    /// Where: `["body", "rate_limit_overrides", "upload"]`.
    package var location: [String]
    /// What is wrong and what was expected.
    package var message: String

    package init(_ type: String, at location: [String], _ message: String) {
        self.type = type
        self.location = location
        self.message = message
    }

    package var summary: String { "\(location.joined(separator: ".")): \(message)" }

    package var json: JSONValue {
        [
            "type": .string(type), "location": .array(location.map(JSONValue.string)), "message": .string(message),
        ]
    }
}
