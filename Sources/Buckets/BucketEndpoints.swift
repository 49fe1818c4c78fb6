import Charge
import Crypto
import Database
import Domain
package import Endpoints
package import Execution
package import HTTP
import UploadPipeline

/// `/v1/buckets/{bucket}/uploads…`: uploads that are announced, sent to a signed URL, and confirmed.
package struct BucketEndpoints: Sendable {
    private let services: BucketServices
    private let confirmer: Confirmer
    package let queue: ConfirmationQueue
    package let upkeep: BucketUpkeep
    private let searchesRunning = Permits(4)

    /// - Parameter node: names this data directory.
    package init(services: BucketServices, node: String, executor: BlockingExecutor) {
        self.services = services
        upkeep = BucketUpkeep(services: services, node: node)
        confirmer = Confirmer(services: services, node: node)
        queue = ConfirmationQueue(confirmer: confirmer, executor: executor)
    }

    package func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let collection = "/v1/buckets/{bucket_identifier}/uploads"
        let one = collection + "/{upload_id}"
        let creation = UploadCreation(services: services)
        routes.add(
            .post, collection, to: &router, needs: .write, category: .upload, describedBy: Descriptions.create
        ) { request, caller throws(Failure) in try await creation.create(request, caller) }
        routes.add(
            .post, collection + "/batch", to: &router, needs: .write, category: .compute,
            describedBy: Descriptions.createBatch
        ) { request, caller throws(Failure) in try await creation.createBatch(request, caller) }
        routes.add(
            .post, collection + "/list", to: &router, needs: .read, category: .search, describedBy: Descriptions.list
        ) { request, caller throws(Failure) in try await list(request, caller) }
        routes.add(
            .post, collection + "/confirm/batch", to: &router, needs: .write, category: .compute,
            describedBy: Descriptions.confirmBatch
        ) { request, caller throws(Failure) in try await confirmBatch(request, caller) }
        routes.add(
            .post, one + "/confirm", to: &router, needs: .write, category: .upload, describedBy: Descriptions.confirm
        ) { request, caller throws(Failure) in try await confirm(request, caller) }
        routes.add(.get, one, to: &router, needs: .read, category: .data, describedBy: Descriptions.get) {
            request, caller throws(Failure) in try get(request, caller)
        }
        routes.add(.delete, one, to: &router, needs: .delete, category: .data, describedBy: Descriptions.delete) {
            request, caller throws(Failure) in try await delete(request, caller)
        }
        registerSigned(on: &router, one + "/content")
        TaskEndpoints(database: services.database).register(on: &router, routes)
    }

    /// The URL itself is the credential.
    private func registerSigned(on router: inout Router, _ path: String) {
        let reception = ContentReception(services: services)
        router.register(.put, path, documentation: Descriptions.put.operation(security: .none)) {
            request throws(Failure) in try await reception.put(request)
        }
        router.register(.head, path, documentation: Descriptions.head.operation(security: .none)) {
            request throws(Failure) in try await reception.head(request)
        }
        router.register(.get, path, documentation: Descriptions.content.operation(security: .none)) {
            request throws(Failure) in try reception.get(request)
        }
    }

    private func confirm(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let isAsync = query.bool("async") ?? false
        _ = query.choice("policy", of: InsertionPolicy.self)
        try query.finish()
        var fields = FieldReader(try await request.jsonObject(emptyMeans: [:]))
        let wish = Confirmer.Wish(UploadID(rawValue: request.parameters["upload_id"] ?? ""), &fields)
        if fields.bool("auto_submit_batch") == true {
            fields.reject("auto_submit_batch", "not_supported", "there are no batches to submit here; leave it out")
        }
        try fields.finish()
        guard let wish else { throw Failure(.internal, privateDetail: "a wish without errors is nil") }
        let bucket = request.parameters["bucket_identifier"] ?? ""
        guard isAsync else {
            let answer = try await confirmer.confirm(
                wish, in: bucket, of: caller, requestID: request.head.id, origin: AuditOrigin(request.head))
            return Response(json: answer.json)
        }
        return try await confirmLater(wish, request, caller)
    }

    /// Whatever can be told at once is; the rest is a task's.
    private func confirmLater(
        _ wish: Confirmer.Wish, _ request: Request, _ caller: Caller
    ) async throws(Failure) -> Response {
        let upload = try services.find(request, caller).upload
        if upload.status == .pending {
            try await confirmer.check(upload, wish)
            let task = try await queue.enqueue(upload, wish, of: caller, requestID: request.head.id)
            if let task { return Response(json: Confirmer.processing(upload, task: task.id)) }
        }
        let answer = try await confirmer.confirm(
            wish, in: upload.announcement.bucket, of: caller, requestID: request.head.id,
            origin: AuditOrigin(request.head))
        return Response(json: answer.json)
    }

    /// The SDK's names of what to do where a bucket has a unique key. No bucket has one here, so none has an effect.
    private enum InsertionPolicy: String, CaseIterable {
        case insert
        case update
        case upsert
    }

    private func confirmBatch(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        _ = query.choice("policy", of: InsertionPolicy.self)
        try query.finish()
        var fields = FieldReader(try await request.jsonObject())
        fields.require("confirmations")
        let items = fields.array("confirmations", maximumCount: UploadCreation.maximumBatch)
        if items?.isEmpty == true {
            fields.reject("confirmations", "too_short", "is empty; expected at least one confirmation")
        }
        var wishes: [Confirmer.Wish] = []
        for (index, item) in (items ?? []).enumerated() {
            guard let object = item.objectValue else {
                fields.reject(
                    "confirmations", "object_type", "element \(index) is \(item.kindName); expected an object")
                continue
            }
            var nested = FieldReader(object, at: ["body", "confirmations", String(index)])
            nested.require("upload_id")
            let id = nested.string("upload_id", length: 1...100) ?? ""
            if let wish = Confirmer.Wish(UploadID(rawValue: id), &nested) { wishes.append(wish) }
            fields.absorb(nested)
        }
        try fields.finish()
        let bucket = try Self.bucket(request)
        let task = try await queue.enqueueBatch(wishes, in: bucket, of: caller, requestID: request.head.id)
        return Response(
            json: [
                "task_id": .string(task.id.rawValue), "status": .string(task.status.rawValue),
                "confirmations_count": .integer(Int64(wishes.count)), "task": task.presentation,
                "message": "The confirmations go on in the background; GET /v1/tasks/{task_id} tells their results.",
            ])
    }

    private static func bucket(_ request: Request) throws(Failure) -> String {
        let name = request.parameters["bucket_identifier"] ?? ""
        guard let problem = NameRules.problem(inBucket: name) else { return name }
        throw .validation([ValidationError("bucket", at: ["path", "bucket_identifier"], problem)])
    }

    private func get(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let returnsURL = query.bool("return_presigned_urls") ?? false
        try query.finish()
        let (upload, record) = try services.find(request, caller)
        var view = BucketUploadView(upload, of: caller.organization.id)
        view.record = record
        if returnsURL { view.url = try readingURL(upload, record, request.head) }
        guard var object = view.json.objectValue else { return Response(json: view.json) }
        object["gate"] = record?.receiptPresentation ?? .null
        object["credits_charged"] = .integer(record?.credits ?? 0)
        return Response(json: .object(object))
    }

    /// nil where there is nothing to read.
    private func readingURL(_ upload: BucketUpload, _ record: UploadRecord?, _ head: RequestHead) throws(Failure)
        -> String?
    {
        guard upload.status == .completed, record?.status == .completed, !upload.secret.isEmpty else { return nil }
        return SignedURL(readingAt: services.time.now()).text(for: upload, base: try services.base(head))
    }

    private func delete(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        if query.bool("delete_s3_object") == false {
            query.reject(
                "delete_s3_object", "not_supported", "the content goes with its upload; it cannot be kept without it")
        }
        try query.finish()
        let (upload, record) = try services.find(request, caller)
        switch upload.status {
        case .canceled: break
        case .failed where record != nil:
            throw Failure(
                .conflict, "The upload was rejected; its record stays for audit.", details: ["retryable": false])
        case .failed: break
        case .processing: throw Self.processing
        case .pending:
            let isCanceled = try await services.abort(
                upload, .canceled, "The upload was canceled.", reason: .aborted,
                audit: cancellation(of: upload, request, caller))
            guard isCanceled else { throw Self.processing }
        case .completed:
            guard let record else { throw Failure(.internal, privateDetail: "a completed upload has no record") }
            try await services.register.delete(
                record, organization: caller.organization.id, by: caller.key.id, requestID: request.head.id,
                origin: AuditOrigin(request.head))
        }
        return Response(status: 204)
    }

    private func cancellation(of upload: BucketUpload, _ request: Request, _ caller: Caller) -> AuditEvent {
        AuditEvent(
            id: RandomID.auditID(), organization: upload.organization, at: services.time.now(),
            actor: caller.key.id.rawValue, action: "upload_canceled", resourceType: "upload",
            resourceID: upload.id.rawValue, before: ["status": .string(upload.status.rawValue)],
            after: ["status": .string(BucketUploadStatus.canceled.rawValue)], requestID: request.head.id,
            origin: AuditOrigin(request.head)
        ).naming(email: caller.email, keyName: caller.key.name)
    }

    private static let processing = Failure(
        .conflict, "The upload is being confirmed; delete it when that is done.", retryAfterSeconds: 1)

    private func list(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let organization = caller.organization
        let listing = try await BucketListing(
            request, bucket: try Self.bucket(request), organization: organization.internalID)
        let searches = listing.query.search != nil || listing.query.condition != nil
        guard !searches || searchesRunning.begin() else {
            throw Failure(.overloaded, "Too many searches run at once.", retryAfterSeconds: 1)
        }
        defer { if searches { searchesRunning.end() } }
        let (found, counts, records) = try services.database.readForRequest { transaction throws(DatabaseError) in
            let (found, counts) = try transaction.bucketUploads.list(
                listing.query, after: listing.cursor, offset: listing.offset, limit: listing.limit + 1)
            var records: [UploadID: UploadRecord] = [:]
            for upload in found where upload.status == .completed {
                records[upload.id] = try transaction.uploads.find(organization.internalID, id: upload.id)
            }
            return (found, counts, records)
        }
        let uploads = Array(found.prefix(listing.limit))
        var results: [JSONValue] = []
        for upload in uploads {
            var view = BucketUploadView(upload, of: organization.id)
            view.record = records[upload.id]
            if listing.returnsURLs { view.url = try readingURL(upload, view.record, request.head) }
            results.append(view.json)
        }
        let total = counts.total
        return Response(
            json: [
                "results": .array(results),
                "pagination": [
                    "total": listing.includesTotal ? .integer(total) : .null,
                    "page": listing.cursor == nil ? .integer(Int64(listing.offset / listing.limit + 1)) : .null,
                    "page_size": .integer(Int64(listing.limit)),
                    "total_pages": listing.includesTotal
                        ? .integer((total + Int64(listing.limit) - 1) / Int64(listing.limit)) : .null,
                    "next_page": nil, "previous_page": nil,
                    "next_cursor": JSONValue(listing.next(after: uploads, hasMore: found.count > listing.limit)),
                ],
                "stats": [
                    "total_uploads": .integer(total), "total_size_bytes": .integer(counts.bytes),
                    "uploads_by_status": .object(Self.byStatus(counts)),
                    "avg_file_size_bytes": .number(total == 0 ? 0 : Double(counts.bytes) / Double(total)),
                    "unique_buckets": .integer(total == 0 ? 0 : 1),
                ],
            ])
    }

    private static func byStatus(_ counts: BucketUploadCounts) -> JSONObject {
        var object = JSONObject()
        for status in BucketUploadStatus.allCases {
            if let count = counts.uploads[status] { object[status.rawValue] = .integer(count) }
        }
        return object
    }
}
