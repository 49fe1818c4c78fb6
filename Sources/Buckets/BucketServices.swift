package import Admission
package import BlobStore
package import Charge
package import Database
package import Domain
import HTTP
package import Telemetry
package import UploadPipeline

/// What the endpoints of buckets work with.
package struct BucketServices: Sendable {
    package var database: any DatabaseDriver
    package var blobs: LocalBlobStore
    package var credits: CreditAdmission
    package var register: UploadRegister
    package var confirmation: UploadConfirmation
    package var content: UploadContent
    package var time: any TimeSource
    package var log: Logger
    /// Scheme and host of the URLs that are given out; nil for those by which a request came.
    package var publicURL: String?

    package init(
        database: any DatabaseDriver, blobs: LocalBlobStore, credits: CreditAdmission, register: UploadRegister,
        confirmation: UploadConfirmation, content: UploadContent, time: any TimeSource, log: Logger,
        publicURL: String?
    ) {
        self.database = database
        self.blobs = blobs
        self.credits = credits
        self.register = register
        self.confirmation = confirmation
        self.content = content
        self.time = time
        self.log = log
        self.publicURL = publicURL
    }

    /// - Throws: `bad_request` for a Host that would not give a URL, or a longer one than clients take.
    func base(_ head: RequestHead) throws(Failure) -> String {
        if let publicURL { return publicURL }
        let host = head.headers["Host"] ?? ""
        guard (1...255).contains(host.utf8.count) else {
            throw Failure(.badRequest, "The Host field has not 1 to 255 characters; the upload's URL is made of it.")
        }
        return "http://\(host)"
    }

    /// Another organization's upload, and another bucket's, is not found, exactly as one that never was. One that was
    /// posted whole is found too, and has its record.
    func find(
        _ id: UploadID, in bucket: String, of caller: Caller
    ) throws(Failure) -> (upload: BucketUpload, record: UploadRecord?) {
        let organization = caller.organization.internalID
        let found: (BucketUpload?, UploadRecord?) = try database.readForRequest { transaction throws(DatabaseError) in
            let record = try transaction.uploads.find(organization, id: id)
            return (try transaction.bucketUploads.find(organization, bucket: bucket, id: id), record)
        }
        if let upload = found.0 { return (upload, found.1) }
        guard let record = found.1, record.bucket == bucket else { throw Self.notFound(id) }
        return (BucketUpload(posted: record), record)
    }

    /// The upload that a request's path names.
    func find(_ request: Request, _ caller: Caller) throws(Failure) -> (upload: BucketUpload, record: UploadRecord?) {
        try find(
            UploadID(rawValue: request.parameters["upload_id"] ?? ""),
            in: request.parameters["bucket_identifier"] ?? "", of: caller)
    }

    private static func notFound(_ id: UploadID) -> Failure {
        Failure(.notFound, "There is no upload \"\(id.rawValue.prefix(100))\" in this bucket.")
    }

    /// Takes away what has arrived of an upload that is over. What cannot be taken away now is at the next start.
    func removeStaged(_ upload: UploadID) {
        do { try blobs.removeStaged(upload) } catch {
            log.error(
                "bucket.staged_file_left",
                ["upload_id": .string(upload.rawValue), "detail": .string(error.description)])
        }
    }

    /// Ends an upload that is not confirmed, gives its credits back and takes its bytes away.
    /// - Parameter audit: what the audit log tells of it, where somebody asked for it.
    /// - Returns: false where it is over, or being confirmed.
    func abort(
        _ upload: BucketUpload, _ status: BucketUploadStatus, _ message: String, reason: ReleaseReason,
        audit: AuditEvent? = nil
    ) async throws(Failure) -> Bool {
        let (blobs, now) = (blobs, time.now())
        let ended = try await database.writeForRequest(makingRoom: blobs.giveUpReserve) {
            transaction throws(DatabaseError) in
            guard try transaction.bucketUploads.abort(upload.id, status, message: message) else { return false }
            if let hold = upload.hold { try transaction.credits.releaseHold(hold, reason: reason, now: now) }
            if let audit { try transaction.audit.insert(audit) }
            return true
        }
        if ended { removeStaged(upload.id) }
        return ended
    }
}
