package import Domain

/// What a request is answered with. The server adds `Date`, `Connection`, `Content-Length` and `X-Request-Id`.
package struct Response: Sendable {
    package enum Body: Sendable {
        case empty
        case bytes([UInt8])
        case file(ResponseFile)
        /// Only the header fields of a body of that many bytes: for 304, and for HEAD where the content is not at hand.
        case omitted(length: Int64)

        package var length: Int64 {
            switch self {
            case .empty: 0
            case .bytes(let bytes): Int64(bytes.count)
            case .file(let file): file.length
            case .omitted(let length): length
            }
        }
    }

    package var status: Int
    package var headers: HeaderFields
    package var body: Body
    /// Added to the request's line in the access log.
    package var logFields: JSONObject = [:]

    package init(status: Int, headers: HeaderFields = HeaderFields(), body: Body = .empty) {
        precondition((200...599).contains(status), "an answer has a final status")
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(status: Int = 200, json: JSONValue, headers: HeaderFields = HeaderFields()) {
        self.init(status: status, headers: headers, body: .bytes(json.encodedBytes))
        self.headers["Content-Type"] = "application/json"
    }

    /// The error envelope, with `Retry-After` and the failure's own header fields. The private detail goes to the log.
    package init(failure: Failure) {
        self.init(status: failure.code.status, json: failure.envelope)
        if let seconds = failure.retryAfterSeconds { headers["Retry-After"] = String(seconds) }
        for (name, value) in failure.headers { headers.append(name, value) }
        logFields["error"] = .string(failure.code.rawValue)
        if let detail = failure.privateDetail { logFields["detail"] = .string(detail) }
    }
}
