import BlobStore
import Database
import Domain
import Endpoints
import Telemetry
import UploadPipeline

/// Confirms uploads that were announced and sent: here the gate decides, and here they are charged, once.
struct Confirmer: Sendable {
    let services: BucketServices
    /// Names this data directory, so that what it was confirming is given back when it starts anew.
    let node: String

    /// A confirmation as its client asks for it.
    struct Wish: Sendable {
        let id: UploadID
        /// As the answer to `PUT` gave it, with or without quotes.
        let etag: String?
        /// Bytes.
        let size: Int64?

        /// nil where the reader has noted what is wrong.
        init?(_ id: UploadID, _ fields: inout FieldReader) {
            self.id = id
            // The SDK sends empty texts for what was not given.
            etag = fields.string("etag", length: 0...200).flatMap { $0.isEmpty ? nil : $0 }
            size = fields.integer("file_size_bytes", 1...Int64.max)
        }

        init?(stored object: JSONObject) {
            guard let id = object["upload_id"]?.stringValue else { return nil }
            self.id = UploadID(rawValue: id)
            etag = object["etag"]?.stringValue
            size = object["file_size_bytes"]?.integerValue
        }

        var stored: JSONObject {
            [
                "upload_id": .string(id.rawValue), "etag": JSONValue(etag), "file_size_bytes": JSONValue(size),
            ]
        }
    }

    /// What becomes of one confirmation.
    enum Answer: Sendable {
        case done(JSONValue)
        /// Somebody else is confirming it right now.
        case processing(BucketUpload)

        var json: JSONValue {
            switch self {
            case .done(let json): json
            case .processing(let upload): Confirmer.processing(upload)
            }
        }
    }

    /// How long a confirmation waits for another one of the same upload.
    private static let patienceSeconds: Int64 = 60
    private static let pauseMilliseconds = 50

    /// Confirming again what is confirmed, or being confirmed, gives the same answer and changes nothing.
    ///
    /// - Parameters:
    ///   - origin: where the request comes from; nil for a task.
    ///   - task: carries the confirmation out.
    ///   - isClaimed: whether the task has claimed the upload already.
    /// - Throws: as `attempt`.
    func confirm(
        _ wish: Wish, in bucket: String, of caller: Caller, requestID: String, origin: AuditOrigin? = nil,
        task: TaskID? = nil, isClaimed: Bool = false
    ) async throws(Failure) -> Answer {
        let end = services.time.now().adding(seconds: Self.patienceSeconds)
        while true {
            let answer = try await attempt(
                wish, in: bucket, of: caller, requestID: requestID, origin: origin, task: task,
                isClaimed: isClaimed)
            guard case .processing = answer, services.time.now() < end, !Task.isCancelled else { return answer }
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
    }

    /// - Throws: the rejection, `not_found`, `conflict` before the bytes are there, `file_hash_mismatch`, or an outage,
    ///   after which the upload can be confirmed again.
    private func attempt(
        _ wish: Wish, in bucket: String, of caller: Caller, requestID: String, origin: AuditOrigin?,
        task: TaskID?, isClaimed: Bool
    ) async throws(Failure) -> Answer {
        // One that was posted whole was confirmed by that.
        let (upload, record) = try services.find(wish.id, in: bucket, of: caller)
        switch upload.status {
        case .completed, .failed, .canceled: return .done(try recorded(upload, record))
        case .processing:
            guard isClaimed, upload.task == task else { return .processing(upload) }
            return .done(try await judge(upload, caller, requestID, origin))
        case .pending: break
        }
        try await check(upload, wish)
        // Another confirmation, or a deletion, was faster: what it makes of the upload is the answer to the next attempt.
        guard try await claim(upload, task) else { return .processing(upload) }
        return .done(try await judge(upload, caller, requestID, origin))
    }

    /// Whether an upload may be confirmed as it is; what has another hash than was announced has failed for good.
    func check(_ upload: BucketUpload, _ wish: Wish) async throws(Failure) {
        guard let received = upload.received else {
            let size: Int64
            do { size = try services.blobs.stagedSize(upload.id) } catch { throw Failure(storage: error) }
            throw Failure(
                .conflict, "The file was not received yet: \(size) bytes of it are here.",
                details: ["offset": .integer(size)], retryAfterSeconds: 1)
        }
        var errors: [ValidationError] = []
        if let etag = wish.etag, Self.opaque(etag) != received.sha256.rawValue {
            errors.append(
                ValidationError(
                    "etag_mismatch", at: ["body", "etag"],
                    "the received file has the entity tag \(BucketUploadView.etag(received.sha256))"))
        }
        if let size = wish.size, size != received.size {
            errors.append(
                ValidationError(
                    "size_mismatch", at: ["body", "file_size_bytes"], "the received file has \(received.size) bytes"))
        }
        guard errors.isEmpty else { throw .validation(errors) }
        guard let announced = upload.announcement.fileHash, announced != received.sha256 else { return }
        _ = try await services.abort(
            upload, .failed, "The content has another hash than was announced.", reason: .failed)
        throw Self.hashMismatch(announced, received.sha256)
    }

    /// Of two confirmations, one gets it.
    private func claim(_ upload: BucketUpload, _ task: TaskID?) async throws(Failure) -> Bool {
        let node = node
        return try await services.database.writeForRequest(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.bucketUploads.claim(upload.id, node: node, task: task)
        }
    }

    private func judge(
        _ upload: BucketUpload, _ caller: Caller, _ requestID: String, _ origin: AuditOrigin?
    ) async throws(Failure) -> JSONValue {
        let confirmed: ConfirmedUpload
        do throws(Failure) {
            confirmed = try await services.confirmation.confirm(
                upload, of: caller, requestID: requestID, origin: origin)
        } catch {
            await giveBack(upload)
            throw error
        }
        services.removeStaged(upload.id)
        if let rejection = confirmed.rejection { throw rejection }
        let ended = try services.database.readForRequest { transaction throws(DatabaseError) in
            try transaction.bucketUploads.find(upload.id)
        }
        return Self.completed(ended ?? upload, confirmed.record)
    }

    private func giveBack(_ upload: BucketUpload) async {
        let expiresAt = services.time.now().adding(seconds: ContentReception.confirmationSeconds)
        do {
            try await services.database.writeForRequest { transaction throws(DatabaseError) in
                try transaction.bucketUploads.giveBack(upload.id, expiresAt: expiresAt)
            }
        } catch {
            // The next start gives it back.
            services.log.error(
                "bucket.give_back_failed",
                ["upload_id": .string(upload.id.rawValue), "detail": JSONValue(error.privateDetail ?? error.message)])
        }
    }

    // MARK: Answers

    /// What an upload that is over is answered with, now and whenever it is confirmed again.
    private func recorded(_ upload: BucketUpload, _ record: UploadRecord?) throws(Failure) -> JSONValue {
        switch upload.status {
        case .pending, .processing, .completed:
            guard let record else { throw Failure(.internal, privateDetail: "a completed upload has no record") }
            return Self.completed(upload, record)
        case .canceled: throw Failure(.gone, upload.message ?? "The upload was canceled.")
        case .failed:
            if let record, let rejection = ConfirmedUpload(recorded: record).rejection { throw rejection }
            if let announced = upload.announcement.fileHash, let received = upload.received?.sha256,
                announced != received
            {
                throw Self.hashMismatch(announced, received)
            }
            throw Failure(.gone, upload.message ?? "The upload has failed.")
        }
    }

    private static func hashMismatch(_ announced: ContentHash, _ received: ContentHash) -> Failure {
        Failure(
            .fileHashMismatch,
            "The file has the SHA-256 \(received.rawValue), not the \(announced.rawValue) announced.",
            details: [
                "file_hash": .string(announced.rawValue), "received_hash": .string(received.rawValue),
                "retryable": false,
            ])
    }

    /// Without quotes and weakness mark.
    private static func opaque(_ etag: String) -> String {
        var text = etag[...]
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        if text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 { text = text.dropFirst().dropLast() }
        return text.lowercased()
    }

    private static func completed(_ upload: BucketUpload, _ record: UploadRecord) -> JSONValue {
        let now = upload.completedAt ?? record.createdAt
        return answer(
            upload, .completed, etag: BucketUploadView.etag(record.sha256), size: record.size,
            hash: record.sha256.rawValue, completedAt: now,
            message: record.status == .quarantined ? "The upload was quarantined and is not served." : nil,
            extra: ["gate": record.receiptPresentation, "credits_charged": .integer(record.credits)])
    }

    static func processing(_ upload: BucketUpload, task: TaskID? = nil) -> JSONValue {
        answer(
            upload, .processing, etag: upload.received.map { BucketUploadView.etag($0.sha256) },
            size: upload.received?.size, hash: upload.received?.sha256.rawValue, completedAt: nil,
            message: "The upload is being confirmed.", task: task)
    }

    private static func answer(
        _ upload: BucketUpload, _ status: BucketUploadStatus, etag: String?, size: Int64?, hash: String?,
        completedAt: Timestamp?, message: String?, task: TaskID? = nil, extra: JSONObject = [:]
    ) -> JSONValue {
        var object: JSONObject = [
            "upload_id": .string(upload.id.rawValue), "status": .string(status.rawValue), "etag": JSONValue(etag),
            "file_size_bytes": JSONValue(size), "file_hash": JSONValue(hash),
            "verified_at": JSONValue(upload.received?.at), "completed_at": JSONValue(completedAt), "object_id": nil,
            "task_id": JSONValue((task ?? upload.task)?.rawValue), "batch_id": nil, "message": JSONValue(message),
        ]
        for (name, value) in extra { object[name] = value }
        return .object(object)
    }
}
