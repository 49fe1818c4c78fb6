package import Domain
package import HTTP

/// How an upload is sent, as its header section announces it.
package struct UploadForm: Sendable {
    package enum Encoding: Sendable {
        /// The body is the file.
        case raw(UploadFields)
        /// `multipart/form-data` (RFC 7578) with one part named `file`.
        case multipart(MultipartParser)
    }

    package let encoding: Encoding
    /// Bytes of the body; nil where it is chunked.
    package let contentLength: Int64?

    /// What a multipart body may hold besides the file's bytes: part headers, delimiters and the other fields.
    static let frameAllowance: Int64 = 131_072

    private static var multipartLimits: MultipartParser.Limits {
        var limits = MultipartParser.Limits()
        // One more than is known, so that an unknown one is named instead of counted.
        limits.maximumParts = 4
        return limits
    }

    /// - Throws: `validation_error` for a missing or bad file name or bucket, `malformed_multipart` for a content type
    ///   without a usable boundary, `empty_file`.
    package init(_ head: RequestHead) throws(Failure) {
        contentLength = head.contentLength
        try Self.requireIdentityCoding(head.headers)
        let contentType = head.headers["content-type"] ?? "application/octet-stream"
        let essence = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        if essence == "multipart/form-data" {
            try Self.checkQuery(head.query, known: [])
            encoding = .multipart(try MultipartParser(contentType: contentType, limits: Self.multipartLimits))
        } else {
            try Self.checkQuery(head.query, known: ["filename", "bucket"])
            encoding = .raw(try Self.rawFields(head.query, contentType: contentType))
        }
        if head.contentLength == 0 { throw Self.emptyFile }
    }

    /// A lower bound of the file's size, for what must be known before the body is read.
    package var leastFileBytes: Int64 {
        guard let contentLength else { return 1 }
        switch encoding {
        case .raw: return contentLength
        case .multipart: return max(1, contentLength - Self.frameAllowance)
        }
    }

    /// - Throws: `payload_too_large`, where the announced length tells that already.
    package func requireSize(atMost limit: Int64) throws(Failure) {
        guard leastFileBytes <= limit else { throw Self.tooLarge(limit: limit, size: leastFileBytes) }
    }

    package static func tooLarge(limit: Int64, size: Int64) -> Failure {
        Failure(
            .payloadTooLarge, "The file has more than the \(limit) bytes that the organization's tier accepts.",
            details: ["limit_bytes": .integer(limit), "retryable": false])
    }

    package static let emptyFile = Failure(.emptyFile, "The file is empty; a file has at least one byte.")

    private static func rawFields(_ query: QueryItems, contentType: String) throws(Failure) -> UploadFields {
        var errors: [ValidationError] = []
        if let filename = query["filename"] {
            if let problem = NameRules.problem(inFileName: filename) {
                errors.append(ValidationError("filename", at: ["query", "filename"], problem))
            }
        } else {
            errors.append(
                ValidationError("missing", at: ["query", "filename"], "a raw body needs ?filename=NAME in the URL"))
        }
        if let bucket = query["bucket"], let problem = NameRules.problem(inBucket: bucket) {
            errors.append(ValidationError("bucket", at: ["query", "bucket"], problem))
        }
        guard errors.isEmpty, let filename = query["filename"] else { throw .validation(errors) }
        return UploadFields(
            filename: filename, contentType: UploadFields.bounded(contentType: contentType),
            bucket: query["bucket"] ?? NameRules.defaultBucket, metadata: [:])
    }

    /// What would be read differently by another program than by this one is refused.
    package static func requireIdentityCoding(_ headers: HeaderFields) throws(Failure) {
        guard headers.values("content-type").count <= 1 else {
            throw Failure(.badRequest, "The request has several Content-Type fields; expected at most one.")
        }
        let coding = headers["content-encoding"]?.lowercased() ?? "identity"
        guard coding == "identity" else {
            throw Failure(
                .unsupportedMediaType,
                "The content coding \"\(coding.prefix(40))\" is not supported; send the file as it is.")
        }
    }

    private static func checkQuery(_ query: QueryItems, known: Set<String>) throws(Failure) {
        var errors: [ValidationError] = []
        for (name, _) in query {
            if !known.contains(name) {
                errors.append(ValidationError("unknown_field", at: ["query", name], "this parameter is unknown here"))
            } else if query.values(name).count > 1 {
                errors.append(ValidationError("duplicate", at: ["query", name], "is given more than once"))
            }
        }
        guard errors.isEmpty else { throw .validation(errors) }
    }
}

/// What the client says of its file.
package struct UploadFields: Hashable, Sendable {
    package var filename: String
    /// As declared; kept, and believed in nothing.
    package var contentType: String
    package var bucket: String
    package var metadata: JSONObject

    package init(filename: String, contentType: String, bucket: String, metadata: JSONObject) {
        self.filename = filename
        self.contentType = contentType
        self.bucket = bucket
        self.metadata = metadata
    }

    /// A declared content type, cut to printable ASCII of at most 255 characters, since it is sent back in answers.
    static func bounded(contentType: String) -> String {
        let printable = contentType.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }
        let text = String(String.UnicodeScalarView(printable.prefix(255)))
        // A field without a value cannot be sent back.
        return text.allSatisfy { $0 == " " } ? "application/octet-stream" : text
    }
}
