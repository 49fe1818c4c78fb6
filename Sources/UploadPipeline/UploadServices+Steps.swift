import Admission
import Authentication
import BlobStore
import Charge
import Database
import Domain
import Endpoints
import Gate
import HTTP
import Spool
import Store

/// The nine steps, each handing over to the module that does its work.
extension UploadServices {
    func authenticate(_ context: inout UploadContext) throws(Failure) {
        let head = try context.requiringRequest().head
        let caller = try authenticator.caller(
            authorization: head.headers.values("authorization"), from: head.remoteAddress)
        // Also whoever lacks the permission is told how the limit stands.
        context.caller = caller
        guard caller.key.allows(.write) else { throw .forbidden(.write) }
    }

    /// Before the rate is limited, so that a refusal consumes nothing. What a task confirms waits for its turn.
    func takePlace(_ context: inout UploadContext) throws(Failure) {
        guard context.origin != nil else { return }
        context.place = try gate.takePlace(
            for: try context.requiring(\.caller).organization, isReceiving: !context.isConfirmation)
    }

    func limitRate(_ context: inout UploadContext) throws(Failure) {
        context.ratePass = try limiter.take(.upload, for: try context.requiring(\.caller))
    }

    func holdCredits(_ context: inout UploadContext) async throws(Failure) {
        do {
            try await admit(&context)
        } catch {
            giveBackRate(&context)
            throw error
        }
    }

    /// A request refused by one check consumes nothing of the others.
    private func giveBackRate(_ context: inout UploadContext) {
        if let pass = context.ratePass { limiter.giveBack(pass) }
        context.ratePass = nil
    }

    private func admit(_ context: inout UploadContext) async throws(Failure) {
        let caller = try context.requiring(\.caller)
        let head = try context.requiringRequest().head
        let form = try UploadForm(head)
        try form.requireSize(atMost: caller.organization.tier.maximumFileBytes)
        context.form = form
        let key = try head.idempotencyKey()
        if key == nil, try endsAtOnce(try context.requiringRequest().body, of: caller.organization) {
            context.isPaidOnEntry = true
            return
        }
        let admission = try await credits.admit(
            form.leastFileBytes, as: context.id, of: caller, idempotencyKey: key)
        switch admission {
        case .held(let hold): (context.hold, context.idempotencyKey) = (hold, key)
        case .replay(let answer): context.replay = answer
        }
    }

    /// A hold keeps credits while a body arrives, is scanned and is stored. Where it is there, will not be scanned, and goes
    /// into the database, a hold would be a second transaction a moment before the one that pays; and what cannot be paid
    /// for costs no more than a read.
    private func endsAtOnce(_ body: RequestBody, of organization: Organization) throws(Failure) -> Bool {
        guard body.isWhole, let length = body.contentLength else { return false }
        return length <= Int64(blobs.maximumBytesInDatabase) && !gate.applies(to: organization)
    }

    func spool(_ context: inout UploadContext) async throws(Failure) {
        let organization = try context.requiring(\.caller).organization
        let limit = organization.tier.maximumFileBytes
        let reception = try receiver.begin(
            context.id, form: try context.requiring(\.form), maximumFileBytes: limit,
            isScanned: gate.applies(to: organization))
        let body = try context.requiringRequest().body
        // A repeat costs nothing; its body is read only to be compared.
        var covered = context.hold?.coveredBytes ?? limit
        while let bytes = try await reception.receive(body, coveredBytes: covered) {
            guard var hold = context.hold else { throw Failure(.internal, privateDetail: "no hold to grow") }
            try await hold.grow(toCover: bytes)
            // Kept at once: a hold that has grown is released as grown, also when the body fails later on.
            context.hold = hold
            covered = hold.coveredBytes
        }
        context.spooled = try reception.finish()
    }

    func sniff(_ context: inout UploadContext) throws(Failure) {
        context.mediaType = MediaType(sniffing: try context.requiring(\.spooled).prefix)
    }

    func gate(_ context: inout UploadContext) async throws(Failure) {
        let spooled = try context.requiring(\.spooled)
        let organization = try context.requiring(\.caller).organization
        context.place?.received()
        let check = try await gate.check(
            GateSubject(
                mediaType: try context.requiring(\.mediaType), sha256: spooled.sha256,
                organization: organization.internalID, organizationID: organization.id
            ) { () throws(Failure) in
                do throws(BlobStoreError) { return try spooled.file.openForReading() } catch {
                    throw Failure(storage: error)
                }
            })
        context.place = nil
        context.check = check
        metrics.checked(check.receipt)
    }

    /// An outage refuses a confirmation for now: nothing is recorded, and it can be repeated.
    func requireVerdict(_ context: inout UploadContext) throws(Failure) {
        let check = try context.requiring(\.check)
        guard let code = check.failure, code == .classifierUnavailable else { return }
        throw Failure(
            code, details: ["upload_id": .string(context.id.rawValue), "gate": check.receipt.presentation],
            retryAfterSeconds: check.retryAfterSeconds ?? 1)
    }

    func store(_ context: inout UploadContext) async throws(Failure) {
        // A rejected upload's content is kept nowhere, unless the operator keeps it for appeals. An outage is no
        // judgement that could be appealed.
        let failure = try context.requiring(\.check).failure
        guard failure == nil || (register.retainsRejected && failure != .classifierUnavailable) else { return }
        context.hasStoredContent = true
        try await content.keep(
            try context.requiring(\.spooled).file, for: try context.requiring(\.caller).organization.id)
    }

    func commit(_ context: inout UploadContext) async throws(Failure) {
        let check = try context.requiring(\.check)
        let caller = try context.requiring(\.caller)
        let spooled = try context.requiring(\.spooled)
        let record = try record(of: context)
        let answer = UploadAnswer(for: record, organization: caller.organization.id, check: check)
        let idempotency = context.idempotencyKey.map { key in
            IdempotencyEntry(
                key: key, fingerprint: UploadAnswer.fingerprint(of: spooled), status: answer.status,
                body: answer.body, isKept: answer.isKept)
        }
        let entry = UploadEntry(
            record: record, organization: caller.organization.id,
            hold: context.isPaidOnEntry ? nil : try context.requiring(\.hold).id,
            requestID: context.requestID, idempotency: idempotency, isConfirmation: context.isConfirmation,
            caller: caller, origin: context.origin, verdict: check.verdict)
        if check.failure == nil {
            do { try await register.accept(entry, file: spooled.file) } catch {
                if context.isPaidOnEntry, error.code == .insufficientCredits { giveBackRate(&context) }
                throw error
            }
        } else {
            try await register.reject(entry, retaining: context.hasStoredContent ? spooled.file : nil)
        }
        // The books have settled all of these: nothing is left to be undone.
        (context.hold, context.idempotencyKey, context.hasStoredContent) = (nil, nil, false)
        (context.record, context.answer) = (record, answer)
    }

    func respond(_ context: inout UploadContext) throws(Failure) {
        if let replay = context.replay {
            let fingerprint = UploadAnswer.fingerprint(of: try context.requiring(\.spooled))
            guard replay.bodyHash == fingerprint else {
                throw Failure.idempotencyConflict
            }
            context.response = UploadAnswer(replaying: replay).response
        } else {
            context.response = try context.requiring(\.answer).response
        }
    }

    private func record(of context: UploadContext) throws(Failure) -> UploadRecord {
        let caller = try context.requiring(\.caller)
        let spooled = try context.requiring(\.spooled)
        let check = try context.requiring(\.check)
        let isAccepted = check.failure == nil
        return UploadRecord(
            id: context.id, organization: caller.organization.internalID, bucket: spooled.fields.bucket,
            filename: spooled.fields.filename, declaredContentType: spooled.fields.contentType,
            mediaType: try context.requiring(\.mediaType), size: spooled.size, sha256: spooled.sha256,
            status: isAccepted ? .completed : .rejected, scanState: check.scanState,
            metadata: spooled.fields.metadata, credits: isAccepted ? Credits.cost(ofBytes: spooled.size) : 0,
            receipt: check.receipt, key: caller.key.id, createdAt: context.receivedAt)
    }
}
