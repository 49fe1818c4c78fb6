package import BlobStore
import Crypto
package import Database
package import Domain

/// Who decides about an upload in quarantine, and why.
package struct QuarantineDecision: Sendable {
    /// `operator`, `command_line` or `system`.
    package var actor: String
    package var requestID: String?
    package var reason: String?
    package var origin: AuditOrigin?

    package init(
        actor: String, requestID: String? = nil, reason: String? = nil, origin: AuditOrigin? = nil
    ) {
        self.actor = actor
        self.requestID = requestID
        self.reason = reason
        self.origin = origin
    }
}

/// What becomes of uploads in quarantine. Each act is one transaction with its audit event.
package struct QuarantineRegister: Sendable {
    private let database: any DatabaseDriver
    private let uploads: UploadRegister
    private let blobs: LocalBlobStore
    private let time: any TimeSource

    package init(database: any DatabaseDriver, blobs: LocalBlobStore, time: any TimeSource) {
        self.database = database
        self.time = time
        self.blobs = blobs
        uploads = UploadRegister(database: database, blobs: blobs, time: time)
    }

    private enum Release: Sendable {
        case released(UploadRecord)
        case insufficient(required: Int64, CreditBalance)
        case notFound
        case organizationDeleted
    }

    /// Puts an upload into service. A quarantined one was charged when it was admitted; one that was rejected becomes
    /// an accepted upload now, and is charged now.
    ///
    /// - Throws: `not_found`, `insufficient_credits`, `conflict` where its organization was deleted.
    package func release(_ id: UploadID, _ decision: QuarantineDecision) async throws(Failure) -> UploadRecord {
        let now = time.now()
        let outcome: Release = try await database.writeForRequest { transaction throws(DatabaseError) in
            guard let entry = try transaction.quarantine.find(id) else { return .notFound }
            let organization = entry.upload.organization
            guard try transaction.organizations.find(organization) != nil else { return .organizationDeleted }
            var record = entry.upload
            record.status = .completed
            record.receipt.decision = .accepted
            record.receipt.explanation = "released from quarantine"
            // Scanned or not, the late scan does not take it out of service again.
            record.scanState = record.receipt.scan == nil ? .skipped : .scanned
            if entry.upload.status == .rejected {
                record.credits = Credits.cost(ofBytes: record.size)
                if let balance = try Self.charge(record, at: now, in: transaction) {
                    return .insufficient(required: record.credits, balance)
                }
            }
            try Self.enter(record, from: entry, in: transaction)
            try transaction.bucketUploads.noteReleased(id, now: now)
            try Self.audit(
                "upload_released", entry,
                after: [
                    "status": .string(record.status.rawValue),
                    "credits": .integer(record.credits - entry.upload.credits),
                ], decision, at: now, in: transaction)
            try transaction.events.emit(.uploadReleased, record, at: now)
            return .released(record)
        }
        switch outcome {
        case .released(let record): return record
        case .notFound: throw Self.notFound(id)
        case .organizationDeleted: throw Failure(.conflict, "The upload's organization was deleted; it can be purged.")
        case .insufficient(let required, let balance):
            throw Failure(
                .insufficientCredits,
                "The upload costs \(required) credits when it is released; \(balance.available ?? 0) are available.",
                details: ["required": .integer(required), "available": JSONValue(balance.available)])
        }
    }

    /// - Returns: the balance where it is not enough; nothing was written then.
    private static func charge(
        _ record: UploadRecord, at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) -> CreditBalance? {
        let charge = try transaction.credits.charge(
            record.organization, amount: record.credits, upload: record.id, bytes: record.size, now: now)
        switch charge {
        case .charged: return nil
        case .insufficient(let balance): return balance
        case .noSuchOrganization: throw .invalidRow("the organization of \(record.id) has no account")
        }
    }

    private static func enter(
        _ record: UploadRecord, from entry: QuarantineEntry, in transaction: any Transaction
    ) throws(DatabaseError) {
        let revised = try transaction.uploads.revise(
            record.id, from: entry.upload.status, to: record.status, receipt: record.receipt,
            scanState: record.scanState, credits: record.credits)
        let removed = try transaction.quarantine.remove(record.id)
        guard revised, removed else {
            throw .busy("the upload left the quarantine while it was looked at")
        }
    }

    /// Removes the content for good. A quarantined upload becomes a tombstone and stays charged; of a rejected one the
    /// record stays, as it does without retention.
    ///
    /// - Throws: `not_found`.
    package func purge(_ id: UploadID, _ decision: QuarantineDecision) async throws(Failure) {
        let now = time.now()
        let purged: (entry: QuarantineEntry, isLast: Bool)? = try await database.writeForRequest(
            makingRoom: blobs.giveUpReserve
        ) {
            transaction throws(DatabaseError) in
            guard let entry = try transaction.quarantine.find(id) else { return nil }
            let upload = entry.upload
            var status = upload.status
            if upload.status == .quarantined {
                // Takes it out of the quarantine as well.
                _ = try transaction.uploads.markDeleted(upload.organization, id: id, now: now)
                try transaction.bucketUploads.noteDeleted(id)
                status = .deleted
            } else {
                _ = try transaction.quarantine.remove(id)
            }
            try Self.audit(
                "upload_purged", entry, after: ["status": .string(status.rawValue)], decision, at: now,
                in: transaction)
            return (entry, try transaction.blobs.release(upload.organization, upload.sha256))
        }
        guard let purged else { throw Self.notFound(id) }
        guard purged.isLast else { return }
        let upload = purged.entry.upload
        try await uploads.removeContent(upload.organization, purged.entry.organization, upload.sha256)
    }

    /// Purges what was rejected and retained long enough.
    /// - Returns: how many.
    package func purgeOverdue() async throws(Failure) -> Int {
        let now = time.now()
        let overdue: [QuarantineEntry] = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.quarantine.overdue(now: now, limit: 1_000)
        }
        var count = 0
        for entry in overdue {
            do throws(Failure) {
                try await purge(
                    entry.upload.id, QuarantineDecision(actor: "system", reason: "the retention is over"))
                count += 1
            } catch {
                // Somebody decided about it since it was read.
                guard error.code == .notFound else { throw error }
            }
        }
        return count
    }

    /// Notes what a repeated scan found: what is clean now goes into service by itself.
    ///
    /// - Parameters:
    ///   - isVerdict: whether the scan had a result.
    ///   - nextScanAt: when it is to be repeated, where it had none.
    ///   - verdict: what is to be kept of it for other uploads of the same bytes.
    /// - Returns: false where somebody decided meanwhile.
    package func noteScan(
        of entry: QuarantineEntry, receipt: DecisionReceipt, scanState: ScanState, isVerdict: Bool,
        nextScanAt: Timestamp?, verdict: ScanVerdict? = nil
    ) async throws(Failure) -> Bool {
        let now = time.now()
        return try await database.writeForRequest { transaction throws(DatabaseError) in
            let id = entry.upload.id
            if let verdict { try transaction.verdicts.keep(verdict) }
            guard let current = try transaction.quarantine.find(id), current.nextScanAt != nil else { return false }
            guard isVerdict else {
                try transaction.quarantine.noteScan(id, nextScanAt: nextScanAt)
                return true
            }
            let decision = QuarantineDecision(
                actor: "system", reason: "the repeated scan found: \(receipt.reason.rawValue)")
            var record = current.upload
            (record.receipt, record.scanState) = (receipt, scanState)
            if receipt.decision == .quarantined {
                try transaction.quarantine.endScans(id)
                _ = try transaction.uploads.revise(
                    id, from: record.status, to: record.status, receipt: receipt, scanState: scanState,
                    credits: record.credits)
                try Self.audit(
                    "upload_quarantined", current, after: ["status": .string(record.status.rawValue)], decision,
                    at: now, in: transaction)
                try transaction.events.emit(.uploadQuarantined, record, at: now)
                return true
            }
            record.status = .completed
            try Self.enter(record, from: current, in: transaction)
            try Self.audit(
                "upload_released", current, after: ["status": .string(record.status.rawValue)], decision, at: now,
                in: transaction)
            try transaction.events.emit(.uploadReleased, record, at: now)
            return true
        }
    }

    /// Notes that the operator looked at a content.
    package func noteInspection(of entry: QuarantineEntry, _ decision: QuarantineDecision) async throws(Failure) {
        let now = time.now()
        try await database.writeForRequest { transaction throws(DatabaseError) in
            try Self.audit("upload_inspected", entry, after: [:], decision, at: now, in: transaction)
        }
    }

    private static func audit(
        _ action: String, _ entry: QuarantineEntry, after: JSONObject, _ decision: QuarantineDecision,
        at now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) {
        var after = after
        if let reason = decision.reason { after["reason"] = .string(reason) }
        try transaction.audit.insert(
            AuditEvent(
                id: RandomID.auditID(), organization: entry.upload.organization, at: now, actor: decision.actor,
                action: action, resourceType: "upload", resourceID: entry.upload.id.rawValue,
                before: ["status": .string(entry.upload.status.rawValue)], after: after,
                requestID: decision.requestID, origin: decision.origin))
    }

    package static func notFound(_ id: UploadID) -> Failure {
        Failure(.notFound, "There is no upload \"\(id.rawValue.prefix(100))\" in quarantine.")
    }
}
