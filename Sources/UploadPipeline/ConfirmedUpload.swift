import Admission
import BlobStore
package import Database
package import Domain
import Gate
import Spool

/// What became of an announced upload when it was confirmed.
package struct ConfirmedUpload: Sendable {
    package let record: UploadRecord
    /// What its client is answered; nil where it was accepted.
    package let rejection: Failure?

    init(record: UploadRecord, rejection: Failure?) {
        self.record = record
        self.rejection = rejection
    }

    /// What became of an upload that was confirmed before: the same, however often it is asked for.
    package init(recorded record: UploadRecord) {
        self.record = record
        let check = GateCheck(recorded: record.receipt)
        let code = record.status == .rejected ? check.failure : nil
        rejection = code.map { UploadAnswer.rejection($0, record, check) }
    }
}

extension UploadRecord {
    /// The decision receipt as the API shows it.
    package var receiptPresentation: JSONValue { receipt.presentation }
}

/// Confirms announced uploads by the same steps that every upload goes through.
package struct UploadConfirmation: Sendable {
    private let services: UploadServices

    package init(services: UploadServices) { self.services = services }

    /// Judges, stores and charges an upload that was received whole and that the caller has claimed.
    ///
    /// What throws has changed nothing, so that the upload can be given back and confirmed again.
    package func confirm(
        _ upload: BucketUpload, of caller: Caller, requestID: String, origin: AuditOrigin?
    ) async throws(Failure) -> ConfirmedUpload {
        guard let received = upload.received, let holdID = upload.hold,
            var hold = try services.credits.openHold(holdID)
        else {
            throw Failure(
                .deadlineExceeded, "The credits of the upload are not held any more; announce it anew.",
                details: ["retryable": false])
        }
        try await hold.grow(toCover: received.size)
        let spooled = try spooled(upload, received)
        return try await UploadIntake(services: services).confirm(
            spooled, of: caller, hold: hold, requestID: requestID, origin: origin)
    }

    private func spooled(_ upload: BucketUpload, _ received: ReceivedContent) throws(Failure) -> SpooledUpload {
        let announcement = upload.announcement
        do throws(BlobStoreError) {
            let file = try services.blobs.makeSpoolFile(
                fromStaged: upload.id, size: received.size, sha256: received.sha256)
            return SpooledUpload(
                file: file,
                fields: UploadFields(
                    filename: announcement.filename, contentType: announcement.contentType,
                    bucket: announcement.bucket, metadata: announcement.metadata),
                size: received.size, sha256: received.sha256, prefix: try file.prefix(MediaType.sniffLength))
        } catch { throw Failure(storage: error) }
    }
}
