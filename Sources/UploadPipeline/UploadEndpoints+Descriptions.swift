import Domain
package import Endpoints

extension UploadEndpoints {
    enum Descriptions {
        private static let tag = "Upload"

        static let post: EndpointDescription = {
            var description = EndpointDescription(
                "post_upload", tag: tag,
                "Upload a file: as multipart/form-data with one part `file`, or as the raw body with `?filename=`.",
                answer: .upload)
            description.successes = [.init(status: 201, meaning: "Accepted.", contents: json(.upload))]
            let form = Schema.object(
                [
                    ("file", .binary), ("bucket", bucket),
                    ("metadata", Schema.string.described("A JSON object, as text")),
                ], required: ["file"], isClosed: true)
            description.bodies = [("multipart/form-data", form), ("application/octet-stream", .binary)]
            description.query = [
                .init("filename", filename, "The file's name, for a raw body only."),
                .init("bucket", bucket, "For a raw body only; `default` without it."),
            ]
            return description.repeatable.failing(
                .malformedMultipart, .truncatedBody, .insufficientCredits, .alreadyExists, .idempotencyConflict,
                .idempotencyInProgress, .payloadTooLarge, .unsupportedImageType, .unsupportedMediaType,
                .expectationFailed, .validation, .nsfwContentRejected, .imageUnscannable, .emptyFile,
                .classifierUnavailable, .deadlineExceeded)
        }()

        static let list = EndpointDescription(
            "list_uploads", tag: tag, "List uploads, newest first.",
            answer: .named(
                "UploadList",
                .answer([
                    ("results", .array(.upload)),
                    (
                        "pagination",
                        .answer([
                            ("total", nothing), ("page", nothing), ("page_size", .integer(0...1_000)),
                            ("total_pages", nothing), ("next_page", nothing), ("previous_page", nothing),
                            ("next_cursor", Schema.string.nullable),
                        ])
                    ),
                ]))
        )
        .filtered(by: [
            .init("status", .choice(of: UploadStatus.self), "Completed and quarantined ones without it."),
            .init("scan_state", .choice(of: ScanState.self), "Only those that were scanned, or not."),
            .init("media_type", .choice(of: MediaType.self), "Only those of a type, by their content."),
            .init("bucket", .text(1...100), "Only those of a bucket."),
            .init("filename", .text(1...255), "Only those whose name contains this."),
            .init("limit", .integer(1...Int64(UploadListing.maximumLimit)), "How many at most."), .cursor,
        ])

        static let get = EndpointDescription(
            "get_upload", tag: tag, "Read an upload and its decision receipt.", answer: .upload
        ).failing(.notFound)

        static let content: EndpointDescription = {
            var description = EndpointDescription(
                "get_upload_content", tag: tag, "Download an upload's content.", answer: .binary)
            description.successes = [
                .init(status: 200, meaning: "The content.", contents: [("*/*", .binary)]),
                .init(status: 206, meaning: "The range that was asked for.", contents: [("*/*", .binary)]),
                .init(status: 304, meaning: "The content is the one that the client has.", contents: []),
            ]
            return description.failing(.notFound, .quarantined, .gone, .preconditionFailed, .rangeNotSatisfiable)
        }()

        static let delete: EndpointDescription = {
            var description = EndpointDescription(
                "delete_upload", tag: tag, "Delete an upload's content; its record stays, and nothing is refunded.",
                answer: .upload)
            description.successes = [.init(status: 204, meaning: "Deleted, now or before.", contents: [])]
            return description.failing(.notFound)
        }()

        static let rescan = EndpointDescription(
            "rescan_upload", tag: tag,
            "Scan an upload that was admitted unscanned, now instead of when its turn comes.",
            answer: .upload
        ).failing(.notFound, .conflict, .classifierUnavailable)

        private static let nothing = Schema.anything.nullable.described("Always null; for the official SDK's model")
        private static let bucket = Schema.matching("^[0-9A-Za-z_.-]*[0-9A-Za-z_-][0-9A-Za-z_.-]*$", length: 1...100)
        private static let filename = Schema.matching(#"^[^\u0000-\u001f\u007f-\u009f/\\]*$"#, length: 1...255)

        private static func json(_ schema: Schema) -> [(type: String, schema: Schema)] {
            [("application/json", schema)]
        }
    }
}

extension Schema {
    package static let receipt = named(
        "DecisionReceipt",
        answer(
            [
                ("decision", .choice(["accepted", "rejected", "quarantined"])), ("reason", .string),
                ("score", Schema.number.nullable), ("threshold", .number), ("frames_total", Schema.integer().nullable),
                ("frames_scanned", Schema.integer().nullable),
                (
                    "pass",
                    Schema.choice(ScanPass.allCases.map(\.rawValue)).nullable.described(
                        "Which pass gave the score: `screen`, which only ever clears, or `exact`")
                ), ("model", Schema.map(.string).nullable),
                (
                    "policy",
                    answer([
                        ("plane", .choice(["SHARED", "DEDICATED"])), ("nsfw_check_enabled", .boolean),
                        ("nsfw_fail_closed", .boolean),
                    ])
                ), ("scanned_at", .timestamp), ("elapsed_ms", .number), ("sha256", .string),
            ],
            optional: [
                ("explanation", Schema.string.described("What the reason leaves open")),
                (
                    "cached",
                    Schema.boolean.described(
                        "True where an earlier scan of the same bytes answered, at `scanned_at`; absent otherwise")
                ),
            ]))

    static let upload = named(
        "Upload",
        answer([
            ("upload_id", .string), ("organization_id", .string), ("bucket_id", .string), ("filename", .string),
            ("content_type", .string), ("media_type", .string), ("file_size_bytes", .integer(0...Int64.max)),
            ("file_hash", .string), ("status", .choice(of: UploadStatus.self)),
            ("scan_state", .choice(of: ScanState.self)),
            ("metadata", .map(.anything)), ("credits_charged", .integer(0...Int64.max)), ("s3_key", .string),
            ("created_at", .timestamp), ("deleted_at", Schema.timestamp.nullable), ("gate", .receipt),
        ]))
}
