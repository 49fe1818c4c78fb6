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

    /// A 422 that names each field and what is wrong with it, up to `ValidationError.maximumListed` of them: an answer
    /// stays small, however much is wrong with a request.
    ///
    /// - Parameter unlisted: how many errors there are beside `errors`.
    package static func validation(_ errors: [ValidationError], unlisted: Int = 0) -> Failure {
        let listed = errors.prefix(ValidationError.maximumListed)
        let rest = errors.count - listed.count + unlisted
        var message = listed.prefix(10).map(\.summary).joined(separator: "; ")
        let unsaid = rest + max(0, listed.count - 10)
        if unsaid > 0 { message += "; and \(unsaid) more" }
        var details: JSONObject = ["validation_errors": .array(listed.map(\.json))]
        if rest > 0 { details["unlisted_errors"] = .integer(Int64(rest)) }
        return Failure(.validation, message, details: details)
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

    /// The most that one answer lists.
    package static let maximumListed = 50

    /// Names and messages, which may repeat what a client sent, are cut.
    package init(_ type: String, at location: [String], _ message: String) {
        self.type = type
        self.location = location.map { $0.clipped(to: 100) }
        self.message = message.clipped(to: 300)
    }

    package var summary: String { "\(location.joined(separator: ".")): \(message)" }

    package var json: JSONValue {
        [
            "type": .string(type), "location": .array(location.map(JSONValue.string)), "message": .string(message),
        ]
    }
}
