import Database
import Domain
import Endpoints
import UploadPipeline

/// What the description of the API says about the endpoints of buckets.
enum Descriptions {
    private static let tag = "Bucket Uploads"

    static let create = EndpointDescription(
        "create_upload_buckets", tag: tag, "Announce an upload and get a signed URL to send its bytes to.",
        answer: .bucketUpload
    )
    .at(bucket).taking(.announcement).failing(
        .insufficientCredits, .idempotencyConflict, .idempotencyInProgress
    )
    .repeatable

    static let createBatch = EndpointDescription(
        "create_uploads_batch_buckets", tag: tag, "Announce up to 100 uploads, each with its own result.",
        answer: .answer([("uploads", .array(.bucketUpload)), ("total", .integer(0...100))])
    )
    .at(bucket)
    .taking(
        .request(
            [
                ("uploads", .array(.announcement, count: 1...UploadCreation.maximumBatch)),
                ("shared_metadata", .jsonObject), ("shared_object_metadata", .jsonObject),
            ], required: ["uploads"]))

    static let confirm: EndpointDescription = {
        var description = EndpointDescription(
            "confirm_upload_buckets", tag: tag,
            "Confirm an upload whose bytes were sent: here the gate decides, and here it is charged, once.",
            answer: .confirmation
        )
        .at(bucket, upload)
        .taking(
            .request([
                ("etag", .text(0...200)), ("file_size_bytes", .integer(1...Int64.max)),
                ("auto_submit_batch", .constant(false)),
            ]), isRequired: false)
        description.query = [
            .init("async", .boolean, "Answer at once; the task tells the result."), policy,
        ]
        return description.failing(
            .conflict, .gone, .insufficientCredits, .nsfwContentRejected, .imageUnscannable, .unsupportedImageType,
            .fileHashMismatch, .classifierUnavailable, .deadlineExceeded)
    }()

    static let confirmBatch = EndpointDescription(
        "confirm_uploads_batch_buckets", tag: tag, "Confirm up to 100 uploads in the background.",
        answer: .answer([
            ("task_id", .string), ("status", .choice(of: TaskStatus.self)), ("confirmations_count", .integer(1...100)),
            ("task", .task), ("message", .string),
        ])
    )
    .at(bucket)
    .taking(
        .request(
            [
                (
                    "confirmations",
                    .array(
                        .request(
                            [
                                ("upload_id", .text(1...100)), ("etag", .text(0...200)),
                                ("file_size_bytes", .integer(1...Int64.max)),
                            ], required: ["upload_id"]), count: 1...UploadCreation.maximumBatch)
                )
            ], required: ["confirmations"])
    )
    .filtered(by: [policy])

    static let list: EndpointDescription = {
        var description = EndpointDescription(
            "list_uploads_buckets", tag: tag, "List, filter, search and count the uploads of a bucket.",
            answer: .answer([("results", .array(.bucketUpload)), ("pagination", .pagination), ("stats", .stats)]))
        description = description.at(bucket).taking(
            .request([
                ("filters", .jsonObject),
                (
                    "sort",
                    .request(
                        [
                            ("field", .matching(FilterField.pattern, length: 1...FilterField.maximumPathLength)),
                            ("direction", .choice(["asc", "desc"])),
                        ],
                        required: ["field"])
                ), ("search", .text(0...200)), ("return_presigned_urls", .boolean), ("limit", .integer(1...100)),
                ("offset", .integer(0...Int64(BucketListing.maximumOffset))), ("include_total", .boolean),
            ]), isRequired: false)
        return description.filtered(by: [
            .init("limit", .integer(1...Int64(BucketListing.maximumLimit)), "How many at most."),
            .init("page_size", .integer(1...Int64(BucketListing.maximumLimit)), "The same by another name."),
            .init("offset", .integer(0...Int64(BucketListing.maximumOffset)), "How many to leave out."),
            .init("page", .integer(1...1_000_000), "Which page, from 1."),
            cursor("cursor"), cursor("next_cursor"), cursor("after"),
            .init("include_total", .boolean, "Also tell how many there are, and how many pages."),
        ])
    }()

    static let get = EndpointDescription(
        "get_upload_buckets", tag: tag, "Read an upload and its decision receipt.",
        answer: .bucketUpload
    )
    .at(bucket, upload)
    .filtered(by: [.init("return_presigned_urls", .boolean, "Also give a signed URL to read the content, for an hour.")]
    )

    static let delete: EndpointDescription = {
        var description = EndpointDescription(
            "delete_upload_buckets", tag: tag, "Cancel an upload, or delete one that was completed with its content.",
            answer: .bucketUpload
        )
        .at(bucket, upload)
        description.successes = [.init(status: 204, meaning: "Gone, now or before.", contents: [])]
        description.query = [
            .init("delete_s3_object", .constant(true), "true, or absent: the content goes with its upload.")
        ]
        return description.failing(.conflict, .validation)
    }()

    static let put: EndpointDescription = {
        var description = EndpointDescription(
            "put_upload_content", tag: tag,
            "Send the bytes to a signed URL: all, or from where the last connection broke with Content-Range.",
            answer: .binary
        )
        .at(bucket, upload)
        description.query = signature
        description.headers = [
            .init(
                "Content-Range", .matching("^bytes [0-9]+-[0-9]+/[0-9]+$", length: 11...100),
                "Which bytes of how many; they begin where the last ones ended.")
        ]
        description.bodies = [("application/octet-stream", .binary)]
        description.successes = [
            .init(status: 200, meaning: "The file is here; its ETag is for the confirmation.", contents: []),
            .init(status: 202, meaning: "The part is here; Upload-Offset tells where the next begins.", contents: []),
        ]
        return description.failing(
            .forbidden, .conflict, .gone, .truncatedBody, .payloadTooLarge, .emptyFile, .validation,
            .insufficientCredits, .unsupportedMediaType, .expectationFailed)
    }()

    static let head: EndpointDescription = {
        var description = EndpointDescription(
            "head_upload_content", tag: tag, "Ask a signed URL how many bytes have arrived (Upload-Offset).",
            answer: .binary
        )
        .at(bucket, upload)
        description.query = signature
        description.successes = [.init(status: 200, meaning: "Upload-Offset tells it.", contents: [])]
        return description.failing(.forbidden, .gone)
    }()

    static let content: EndpointDescription = {
        var description = EndpointDescription(
            "get_signed_upload_content", tag: tag, "Download the content from a signed URL.", answer: .binary
        )
        .at(bucket, upload)
        description.query = signature
        description.successes = [
            .init(status: 200, meaning: "The content.", contents: [("*/*", .binary)]),
            .init(status: 206, meaning: "The range that was asked for.", contents: [("*/*", .binary)]),
            .init(status: 304, meaning: "The content is the one that the client has.", contents: []),
        ]
        return description.failing(
            .forbidden, .quarantined, .gone, .preconditionFailed, .rangeNotSatisfiable)
    }()

    static let task = EndpointDescription(
        "get_task", tag: "Tasks", "How work stands that goes on after its request was answered.", answer: .task
    )
    .at(.init("task_id", .string, "The task's id."))

    private static let bucket = EndpointDescription.Parameter(
        "bucket_identifier", .matching("^[0-9A-Za-z_.-]*[0-9A-Za-z_-][0-9A-Za-z_.-]*$", length: 1...100),
        "The bucket's name; a bucket is there from its first use on.")
    private static let upload = EndpointDescription.Parameter("upload_id", .string, "The upload's id.")
    private static let policy = EndpointDescription.Parameter(
        "policy", .choice(["insert", "update", "upsert"]), "Without effect: no bucket has a unique key here.")
    private static let signature: [EndpointDescription.Parameter] = [
        .init("method", .choice(of: SignedURL.Method.self), "Part of the signed URL."),
        .init("expires", .integer(0...999_999_999_999), "Part of the signed URL, Unix seconds."),
        .init("limit", .integer(0...999_999_999_999_999), "Part of the signed URL: the most bytes."),
        .init("signature", .matching("^[0-9a-f]{64}$", length: 64...64), "HMAC-SHA-256 over all of it."),
    ]

    private static func cursor(_ name: String) -> EndpointDescription.Parameter {
        .init(
            name, .matching(#"^([0-9]{1,15}\.[0-9A-Za-z_]{1,40}|offset\.[0-9]{1,9})$"#, length: 3...60),
            "Where the page before this one ended: its `next_cursor`.")
    }
}

extension Schema {
    static let announcement = named(
        "CreateUploadRequest",
        request(
            [
                ("filename", matching(#"^[^\u0000-\u001f\u007f-\u009f/\\]*$"#, length: 1...255)),
                (
                    "content_type",
                    matching(
                        "^[0-9A-Za-z!#$&^_.+-]+/[0-9A-Za-z!#$&^_.+-]+(;[ -~]*)?$",
                        length: 3...AnnouncementReader.maximumContentTypeLength)
                ), ("file_size_bytes", .integer(1...Int64.max)),
                ("presigned_url_expiration", .integer(AnnouncementReader.expirationSeconds)),
                ("metadata", .jsonObject), ("create_object_on_confirm", .boolean), ("object_metadata", .jsonObject),
                ("blob_property", matching("^[0-9A-Za-z_]+$", length: 1...255)),
                ("blob_type", .choice(AnnouncementReader.blobTypes)),
                ("file_hash", matching("^[0-9a-f]{64}$", length: 64...64)), ("skip_duplicates", .boolean),
            ], required: ["filename", "content_type"]))

    static let bucketUpload = named(
        "BucketUpload",
        answer(
            [
                ("upload_id", .string), ("bucket_id", .string), ("filename", .string), ("content_type", .string),
                ("file_size_bytes", Schema.integer(1...Int64.max).nullable), ("presigned_url", Schema.string.nullable),
                ("presigned_url_expiration", .integer(0...86_400)), ("s3_key", .string),
                ("status", .choice(of: BucketUploadStatus.self)), ("metadata", .map(.anything)),
                ("create_object_on_confirm", .boolean), ("object_metadata", Schema.map(.anything).nullable),
                ("blob_property", Schema.string.nullable), ("blob_type", Schema.string.nullable),
                ("file_hash", Schema.string.nullable), ("skip_duplicates", .boolean), ("is_duplicate", .boolean),
                ("duplicate_of_upload_id", Schema.string.nullable), ("skipped_unique_key", .boolean),
                ("existing_object_id", Schema.string.nullable), ("message", Schema.string.nullable),
                ("created_at", .timestamp), ("expires_at", .timestamp), ("completed_at", Schema.timestamp.nullable),
                ("verified_at", Schema.timestamp.nullable), ("etag", Schema.string.nullable),
                ("object_id", Schema.string.nullable), ("task_id", Schema.string.nullable),
            ], optional: judgement))

    /// What is told of an upload once the gate has decided.
    private static let judgement: [Property] = [
        ("gate", Schema.receipt.nullable), ("credits_charged", .integer(0...Int64.max)),
    ]

    static let confirmation = named(
        "ConfirmUploadResponse",
        answer(
            [
                ("upload_id", .string), ("status", .choice(of: BucketUploadStatus.self)),
                ("etag", Schema.string.nullable),
                ("file_size_bytes", Schema.integer(1...Int64.max).nullable), ("file_hash", Schema.string.nullable),
                ("verified_at", Schema.timestamp.nullable), ("completed_at", Schema.timestamp.nullable),
                ("object_id", Schema.string.nullable), ("task_id", Schema.string.nullable),
                ("batch_id", Schema.string.nullable), ("message", Schema.string.nullable),
            ], optional: judgement))

    static let task = named(
        "TaskResponse",
        answer([
            ("task_id", .string), ("task_type", .choice(of: TaskType.self)), ("status", .choice(of: TaskStatus.self)),
            ("inputs", .array(.map(.anything))), ("outputs", Schema.array(.map(.anything)).nullable),
            ("additional_data", .map(.anything)), ("error", Schema.string.nullable),
        ]))

    static let pagination = answer([
        ("total", Schema.integer(0...Int64.max).nullable), ("page", Schema.integer(1...Int64.max).nullable),
        ("page_size", .integer(1...1_000)), ("total_pages", Schema.integer(0...Int64.max).nullable),
        ("next_cursor", Schema.string.nullable),
    ])

    static let stats = answer([
        ("total_uploads", .integer(0...Int64.max)), ("total_size_bytes", .integer(0...Int64.max)),
        ("uploads_by_status", .map(.integer(0...Int64.max))), ("avg_file_size_bytes", .number),
        ("unique_buckets", .integer(0...1)),
    ])
}
