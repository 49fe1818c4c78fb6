import Admission
import BlobStore
import Database
import Domain
import HTTP
import Spool
import UploadPipeline

/// `PUT`, `HEAD` and `GET` on signed URLs.
struct ContentReception: Sendable {
    let services: BucketServices

    /// Left for the confirmation of a body that arrived when its URL was about to expire.
    static let confirmationSeconds: Int64 = 300

    /// What a request is answered with whose URL does not hold, whatever is wrong with it.
    private static let forged = Failure(
        .forbidden, "The URL is not signed for this request.", details: ["retryable": false])

    // MARK: Sending

    /// Receives the bytes: the whole body, or with `Content-Range` a part that begins where the last one ended.
    func put(_ request: Request) async throws(Failure) -> Response {
        let (upload, url) = try authorize(request, as: .put)
        try requireOpen(upload)
        try UploadForm.requireIdentityCoding(request.head.headers)
        guard request.head.headers["content-type"] == upload.announcement.contentType else {
            throw Failure(
                .forbidden, "The URL is signed for the content type \(upload.announcement.contentType); send that.",
                details: ["retryable": false])
        }
        let part = try ContentPart(request.head, limit: url.maximumBytes, announced: upload.announcement.size)
        let staged: StagedFile
        do { staged = try services.blobs.openStaged(upload.id) } catch { throw Failure(storage: error) }
        do throws(Failure) {
            // It may have ended, or got its bytes, before the file was this request's alone.
            try requireOpen(try current(upload))
            return try await receive(request, part, into: staged, of: upload, limit: url.maximumBytes)
        } catch {
            // It may have been deleted meanwhile; only what an open upload may need again is kept.
            guard try current(upload).status == .pending else {
                services.removeStaged(upload.id)
                throw Self.over
            }
            // What arrived would keep a full disk full for as long as the upload is open: its client begins anew.
            if error.code == .insufficientStorage { services.removeStaged(upload.id) }
            throw error
        }
    }

    private func receive(
        _ request: Request, _ part: ContentPart, into staged: StagedFile, of upload: BucketUpload, limit: Int64
    ) async throws(Failure) -> Response {
        try prepare(staged, for: part)
        guard let id = upload.hold, var hold = try services.credits.openHold(id) else {
            throw Failure(.gone, "The credits of the upload are not held any more.")
        }
        let overflow =
            part.isRange
            ? Failure(.badRequest, "The body is longer than its Content-Range says.")
            : upload.announcement.size.map { ContentPart.wrongSize(nil, announced: $0) }
                ?? UploadForm.tooLarge(limit: limit, size: limit + 1)
        let reception = StagedReception(file: staged, maximumBytes: part.end ?? limit, overflow: overflow)
        var covered = hold.coveredBytes
        while let bytes = try await reception.receive(request.body, coveredBytes: covered) {
            try await hold.grow(toCover: bytes, ofAtMost: limit)
            covered = hold.coveredBytes
        }
        let size = staged.size
        if let end = part.end, size < end {
            throw Failure(.truncatedBody, "The body has \(size - part.start) bytes; its range promised more.")
        }
        guard part.isLast else {
            return Response(status: 202, headers: HeaderFields([("Upload-Offset", String(size))]))
        }
        return try await complete(staged, of: upload, hold)
    }

    private func prepare(_ staged: StagedFile, for part: ContentPart) throws(Failure) {
        guard part.start > 0 else {
            do { return try staged.restart() } catch { throw Failure(storage: error) }
        }
        guard part.start == staged.size else {
            throw Failure(
                .conflict, "The upload has \(staged.size) bytes; a range has to begin there, not at \(part.start).",
                details: ["offset": .integer(staged.size), "retryable": false],
                headers: [("Upload-Offset", String(staged.size))])
        }
    }

    private func complete(
        _ staged: StagedFile, of upload: BucketUpload, _ hold: CreditHold
    ) async throws(Failure) -> Response {
        let size = staged.size
        guard size > 0 else { throw UploadForm.emptyFile }
        if let announced = upload.announcement.size, size != announced {
            do { try staged.restart() } catch { throw Failure(storage: error) }
            throw ContentPart.wrongSize(size, announced: announced)
        }
        let sha256: ContentHash
        do { sha256 = try staged.finish() } catch { throw Failure(storage: error) }
        let now = services.time.now()
        let isReceived = try await services.database.writeForRequest { transaction throws(DatabaseError) in
            let hold = try Self.fit(hold, to: size, of: upload, now, in: transaction)
            return try transaction.bucketUploads.receive(
                upload.id, ReceivedContent(size: size, sha256: sha256, at: now), hold: hold,
                expiresAt: now.adding(seconds: Self.confirmationSeconds))
        }
        guard isReceived else { throw Self.over }
        var response = Response(status: 200)
        response.headers["ETag"] = BucketUploadView.etag(sha256)
        response.headers["Upload-Offset"] = String(size)
        return response
    }

    /// A hold that grew with a body of unknown length may reserve more than the file costs: a smaller one takes its place.
    private static func fit(
        _ hold: CreditHold, to size: Int64, of upload: BucketUpload, _ now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) -> HoldID {
        let amount = Credits.cost(ofBytes: size)
        guard hold.amount > amount, try transaction.credits.releaseHold(hold.id, reason: .aborted, now: now) else {
            return hold.id
        }
        let outcome = try transaction.credits.placeHold(
            organization: upload.organization, amount: amount, upload: upload.id, node: UploadCreation.node,
            expiresAt: hold.expiresAt, now: now)
        guard case .placed(let id, _) = outcome else {
            throw .invalidRow("the credits that were given back for \(upload.id) are not there")
        }
        return id
    }

    private func current(_ upload: BucketUpload) throws(Failure) -> BucketUpload {
        let found: BucketUpload? = try services.database.readForRequest { transaction throws(DatabaseError) in
            try transaction.bucketUploads.find(upload.id)
        }
        guard let found else { throw Self.over }
        return found
    }

    private static let over = Failure(.gone, "The upload is over; its URL died with it.")

    private func requireOpen(_ upload: BucketUpload) throws(Failure) {
        guard upload.status == .pending else { throw Self.over }
        guard upload.received == nil else {
            throw Failure(
                .conflict, "The file was received already; confirm the upload.", details: ["retryable": false])
        }
    }

    // MARK: Asking and reading

    /// Tells how many bytes have arrived, or what the content is.
    func head(_ request: Request) async throws(Failure) -> Response {
        guard let claim = SignedURL.Claim(request.head.query), claim.url.method == .put else {
            return try get(request)
        }
        let (upload, _) = try authorize(request, as: .put)
        guard upload.status == .pending else { throw Self.over }
        var response = Response(status: 200)
        if let received = upload.received {
            response.headers["Upload-Offset"] = String(received.size)
            response.headers["Upload-Complete"] = "?1"
            response.headers["ETag"] = BucketUploadView.etag(received.sha256)
        } else {
            do { response.headers["Upload-Offset"] = String(try services.blobs.stagedSize(upload.id)) } catch {
                throw Failure(storage: error)
            }
            response.headers["Upload-Complete"] = "?0"
        }
        if let size = upload.size { response.headers["Upload-Length"] = String(size) }
        response.headers["Cache-Control"] = "no-store"
        return response
    }

    func get(_ request: Request) throws(Failure) -> Response {
        let (upload, _) = try authorize(request, as: .get)
        let found: (Organization?, UploadRecord?) = try services.database.readForRequest {
            transaction throws(DatabaseError) in
            let record = try transaction.uploads.find(upload.organization, id: upload.id)
            return (try transaction.organizations.find(upload.organization), record)
        }
        guard let organization = found.0, let record = found.1 else { throw Self.over }
        return try services.content.answer(to: request.head, record, of: organization.id)
    }

    /// The upload whose secret signed the URL of this very request.
    private func authorize(
        _ request: Request, as method: SignedURL.Method
    ) throws(Failure) -> (BucketUpload, SignedURL) {
        guard let claim = SignedURL.Claim(request.head.query), claim.url.method == method else { throw Self.forged }
        let id = UploadID(rawValue: request.parameters["upload_id"] ?? "")
        let upload: BucketUpload? = try services.database.readForRequest { transaction throws(DatabaseError) in
            guard let found = try transaction.bucketUploads.find(id) else { return nil }
            // With the organization, its uploads are over.
            return try transaction.organizations.find(found.organization) == nil ? nil : found
        }
        guard let upload, upload.announcement.bucket == request.parameters["bucket_identifier"],
            claim.isSigned(for: upload)
        else { throw Self.forged }
        guard services.time.now() < claim.url.expiresAt else {
            throw Failure(.forbidden, "The URL has expired.", details: ["retryable": false])
        }
        return (upload, claim.url)
    }
}
