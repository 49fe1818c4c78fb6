import BlobStore
import Charge
import Database
import Domain
import Endpoints
import Gate
import HTTP
import Store

/// `POST /v1/uploads/{upload_id}/rescan`: settles one upload of the unscanned debt at once.
struct UploadRescan: Sendable {
    let services: UploadServices

    func answer(_ request: Request, _ caller: Caller, _ record: UploadRecord) async throws(Failure) -> Response {
        guard record.status == .completed, record.scanState == .unscanned else {
            throw Failure(
                .conflict, "Only an accepted upload that was never scanned can be scanned again.",
                details: [
                    "status": .string(record.status.rawValue), "scan_state": .string(record.scanState.rawValue),
                    "retryable": false,
                ])
        }
        let check = try await services.gate.recheck(
            GateSubject(record, of: caller.organization.id, in: services.content))
        guard let check else {
            throw Failure(
                .classifierUnavailable, "The classifier is unavailable; the upload stays unscanned until it is back.",
                retryAfterSeconds: 5)
        }
        // Where the upload was deleted or settled meanwhile, what it is now is the answer.
        _ = try await services.register.settle(
            record, receipt: check.receipt, scanState: check.scanState, nextScanAt: check.nextScanAt,
            verdict: check.verdict)
        let settled: UploadRecord? = try services.database.readForRequest { transaction throws(DatabaseError) in
            try transaction.uploads.find(record.organization, id: record.id)
        }
        return Response(json: (settled ?? record).presentation(organization: caller.organization.id))
    }
}

extension GateSubject {
    /// An upload whose content is stored.
    init(_ record: UploadRecord, of organization: OrganizationID, in store: ContentStore) {
        self.init(
            mediaType: record.mediaType, sha256: record.sha256, organization: record.organization,
            organizationID: organization
        ) { () throws(Failure) in try store.open(record, of: organization).takeDescriptor() }
    }
}
