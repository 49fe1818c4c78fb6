package import BlobStore
import Crypto
package import Database
package import Domain

/// Step 8: enters uploads into the books. What belongs to one upload is one transaction: record, receipt, charge,
/// reference to the content, idempotent answer, audit event.
package struct UploadRegister: Sendable {
    private let database: any DatabaseDriver
    private let blobs: LocalBlobStore
    private let time: any TimeSource
    private let retentionDays: Int

    /// - Parameter retentionDays: how long the content of a rejected upload is kept for an appeal; 0 for not at all.
    package init(
        database: any DatabaseDriver, blobs: LocalBlobStore, time: any TimeSource, retentionDays: Int = 0
    ) {
        self.database = database
        self.blobs = blobs
        self.time = time
        self.retentionDays = retentionDays
    }

    /// Whether the content of rejected uploads is kept for an appeal.
    package var retainsRejected: Bool { retentionDays > 0 }

    /// Charges and records an accepted upload whose content is stored.
    ///
    /// The key was good when the upload began, and that is enough: revoking it ends nothing that is under way. The
    /// deletion of the organization does.
    ///
    /// - Throws: `deadline_exceeded` where the hold is not open any more, `insufficient_credits` where nothing was held,
    ///   `unauthorized` where the organization was deleted; then nothing was written.
    package func accept(_ entry: UploadEntry, file: SpoolFile) async throws(Failure) {
        let (blobs, now) = (blobs, time.now())
        let refusal: Failure? = try await database.writeForRequest { transaction throws(DatabaseError) in
            let record = entry.record
            guard try transaction.organizations.exists(record.organization) else {
                return .organizationDeleted
            }
            if let refusal = try Self.charge(entry, at: now, in: transaction) { return refusal }
            try transaction.uploads.insert(record)
            try Self.keep(file, entry, in: blobs, transaction)
            try Self.settle(entry, at: now, in: transaction)
            try Self.audit("upload_accepted", entry, at: now, in: transaction)
            try transaction.outages.note(record, node: blobs.nodeID, at: now)
            try transaction.events.emit(
                record.scanState == .unscanned ? .uploadUnscanned : .uploadAccepted, record, at: now)
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Records a rejected upload and gives its credits back.
    ///
    /// - Parameter retained: the file whose content was stored to be kept for an appeal; nil where it is kept nowhere.
    package func reject(_ entry: UploadEntry, retaining retained: SpoolFile? = nil) async throws(Failure) {
        let (blobs, now) = (blobs, time.now())
        let until = now.adding(seconds: Int64(retentionDays) * 86_400)
        try await database.writeForRequest { transaction throws(DatabaseError) in
            let record = entry.record
            if let hold = entry.hold { try transaction.credits.releaseHold(hold, reason: .rejected, now: now) }
            try transaction.uploads.insert(record)
            if let retained {
                try Self.keep(retained, entry, in: blobs, transaction)
                try transaction.quarantine.insert(
                    record.id, of: record.organization, since: now, retainedUntil: until)
            }
            try Self.settle(entry, at: now, in: transaction)
            try Self.audit("upload_rejected", entry, at: now, in: transaction)
            try transaction.outages.note(record, node: blobs.nodeID, at: now)
            try transaction.events.emit(.uploadRejected, record, at: now)
        }
    }

    /// Turns an upload into a tombstone, and removes its content if no other upload has the same.
    package func delete(
        _ record: UploadRecord, organization: OrganizationID, by key: KeyID, requestID: String,
        origin: AuditOrigin? = nil
    ) async throws(Failure) {
        let (blobs, now) = (blobs, time.now())
        let isLast = try await database.writeForRequest(makingRoom: blobs.giveUpReserve) {
            transaction throws(DatabaseError) in
            let outcome = try transaction.uploads.markDeleted(record.organization, id: record.id, now: now)
            guard case .deleted(let before) = outcome else { return false }
            try transaction.bucketUploads.noteDeleted(record.id)
            try transaction.audit.insert(
                AuditEvent(
                    id: RandomID.auditID(), organization: record.organization, at: now, actor: key.rawValue,
                    action: "upload_deleted", resourceType: "upload", resourceID: record.id.rawValue,
                    before: ["status": .string(before.status.rawValue)],
                    after: ["status": .string(UploadStatus.deleted.rawValue)], requestID: requestID, origin: origin))
            return try transaction.blobs.release(record.organization, record.sha256)
        }
        if isLast { try await removeContent(record.organization, organization, record.sha256) }
    }

    /// Removes content that no upload refers to; does nothing where one does.
    package func removeContent(
        _ internalID: InternalID, _ organization: OrganizationID, _ sha256: ContentHash
    ) async throws(Failure) {
        let blobs = blobs
        try await database.writeForRequest(
            durability: .durableWithOutsideEffect, makingRoom: blobs.giveUpReserve
        ) { transaction throws(DatabaseError) in
            guard try transaction.blobs.removeUnreferenced(internalID, sha256) else { return }
            try Self.unlink(organization, sha256, in: blobs)
        }
    }

    /// Removes content that was stored for an upload which then did not get into the books.
    package func withdrawContent(_ organization: OrganizationID, _ sha256: ContentHash) async throws(Failure) {
        let blobs = blobs
        try await database.writeForRequest(
            durability: .durableWithOutsideEffect, makingRoom: blobs.giveUpReserve
        ) { transaction throws(DatabaseError) in
            guard try !transaction.blobs.isReferenced(organization, sha256) else { return }
            try Self.unlink(organization, sha256, in: blobs)
        }
    }

    /// Notes what a late scan of an upload in service found.
    ///
    /// - Parameters:
    ///   - nextScanAt: when the scan is to be repeated, where it had no result.
    ///   - verdict: what is to be kept of it for other uploads of the same bytes.
    /// - Returns: false where the upload was deleted or settled meanwhile.
    package func settle(
        _ record: UploadRecord, receipt: DecisionReceipt, scanState: ScanState, nextScanAt: Timestamp? = nil,
        verdict: ScanVerdict? = nil
    ) async throws(Failure) -> Bool {
        let now = time.now()
        return try await database.writeForRequest { transaction throws(DatabaseError) in
            let (organization, id) = (record.organization, record.id)
            if let verdict { try transaction.verdicts.keep(verdict) }
            var settled = record
            (settled.receipt, settled.scanState) = (receipt, scanState)
            guard receipt.decision == .quarantined else {
                let isResolved = try transaction.uploads.resolveScan(
                    organization, id: id, receipt: receipt, scanState: scanState)
                // Where the scan had no result, the upload stays what was told of it.
                if isResolved, scanState != .unscanned {
                    try transaction.events.emit(.uploadAccepted, settled, at: now)
                }
                return isResolved
            }
            settled.status = .quarantined
            guard
                try transaction.uploads.quarantine(
                    organization, id: id, receipt: receipt, scanState: scanState, nextScanAt: nextScanAt, now: now)
            else { return false }
            try transaction.audit.insert(
                AuditEvent(
                    id: RandomID.auditID(), organization: organization, at: now, actor: "system",
                    action: "upload_quarantined", resourceType: "upload", resourceID: id.rawValue,
                    before: ["status": .string(record.status.rawValue)],
                    after: [
                        "status": .string(UploadStatus.quarantined.rawValue),
                        "reason": .string(receipt.reason.rawValue),
                    ]))
            try transaction.events.emit(.uploadQuarantined, settled, at: now)
            return true
        }
    }

    /// - Returns: why the upload cannot be paid for.
    private static func charge(
        _ entry: UploadEntry, at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) -> Failure? {
        let record = entry.record
        if let hold = entry.hold {
            let capture = try transaction.credits.captureHold(
                hold, amount: record.credits, bytes: record.size, now: now)
            if case .captured = capture { return nil }
            return .holdExpired
        }
        let charge = try transaction.credits.charge(
            record.organization, amount: record.credits, upload: record.id, bytes: record.size, now: now)
        switch charge {
        case .charged: return nil
        case .insufficient(let balance): return .insufficientCredits(required: record.credits, balance)
        case .noSuchOrganization: return .organizationDeleted
        }
    }

    private static func unlink(
        _ organization: OrganizationID, _ sha256: ContentHash, in blobs: LocalBlobStore
    ) throws(DatabaseError) {
        do { try blobs.remove(organization, sha256) } catch {
            throw DatabaseError(storage: error)
        }
    }

    /// A deletion of the same content may have removed the file since it was stored. Both happen inside write
    /// transactions, which are serialised, so that after this the file is there as long as the row is.
    private static func keep(
        _ file: SpoolFile, _ entry: UploadEntry, in blobs: LocalBlobStore, _ transaction: any Transaction
    ) throws(DatabaseError) {
        let record = entry.record
        try transaction.blobs.retain(
            record.organization, record.sha256, size: record.size, bytes: file.bytesForDatabase)
        do { try blobs.ensureLinked(file, organization: entry.organization) } catch {
            throw DatabaseError(storage: error)
        }
    }

    private static func settle(
        _ entry: UploadEntry, at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) {
        if entry.isConfirmation { try confirm(entry, at: now, in: transaction) }
        if let verdict = entry.verdict { try transaction.verdicts.keep(verdict) }
        guard let idempotency = entry.idempotency else { return }
        let (organization, owner) = (entry.record.organization, entry.record.id)
        guard idempotency.isKept else {
            return try transaction.idempotency.abandon(organization, key: idempotency.key, owner: owner)
        }
        _ = try transaction.idempotency.complete(
            organization, key: idempotency.key,
            answer: IdempotentAnswer(
                bodyHash: idempotency.fingerprint, status: idempotency.status, response: idempotency.body,
                upload: owner))
    }

    /// Ends the announced upload with what became of it, so that it is charged once, however often it is confirmed.
    private static func confirm(
        _ entry: UploadEntry, at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) {
        let record = entry.record
        let isAccepted = record.status == .completed
        let ended = try transaction.bucketUploads.finish(
            record.id, isAccepted ? .completed : .failed,
            message: isAccepted ? nil : "The upload was rejected: \(record.receipt.reason.rawValue).", now: now)
        guard ended else { throw .misuse("the upload \(record.id) is confirmed without having been claimed") }
    }

    private static func audit(
        _ action: String, _ entry: UploadEntry, at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) {
        let record = entry.record
        try transaction.audit.insert(
            AuditEvent(
                id: RandomID.auditID(), organization: record.organization, at: now, actor: record.key.rawValue,
                action: action, resourceType: "upload", resourceID: record.id.rawValue,
                after: [
                    "reason": .string(record.receipt.reason.rawValue), "sha256": .string(record.sha256.rawValue),
                    "size": .integer(record.size), "credits": .integer(record.credits),
                ], requestID: entry.requestID, origin: entry.origin
            ).naming(email: entry.caller?.email, keyName: entry.caller?.key.name))
    }
}

extension DatabaseError {
    /// The storage's trouble, as it ends a transaction that works with both.
    init(storage error: BlobStoreError) {
        switch error {
        case .full: self = .full(error.description)
        case .notWritable: self = .cannotOpen(error.description)
        default: self = .inputOutput(error.description)
        }
    }
}
