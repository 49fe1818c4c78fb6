import Admission
import BlobStore
import Charge
import Crypto
import Database
import Domain
import Endpoints
import HTTP
import Spool
import Telemetry

/// Takes uploads through the steps.
struct UploadIntake: Sendable {
    private let services: UploadServices

    init(services: UploadServices) { self.services = services }

    /// `POST /v1/uploads`.
    func post(_ request: Request) async -> Response {
        var context = UploadContext(request: request, id: RandomID.uploadID(), receivedAt: services.time.now())
        var response: Response
        do {
            try await run(UploadStep.all, &context)
            response = try context.requiring(\.response)
            if let record = context.record { services.metrics.entered(record) }
        } catch {
            services.metrics.refused(error.code)
            await abandon(context)
            response = Response(failure: error)
        }
        return withRateLimit(response, context)
    }

    /// Takes an announced upload, whose body is whole and whose credits are held, through the rest of the path. What
    /// throws has changed nothing: it can be confirmed again.
    func confirm(
        _ spooled: SpooledUpload, of caller: Caller, hold: CreditHold, requestID: String, origin: AuditOrigin?
    ) async throws(Failure) -> ConfirmedUpload {
        var context = UploadContext(
            confirming: spooled, caller: caller, hold: hold, requestID: requestID, origin: origin,
            receivedAt: services.time.now())
        do {
            try await run(UploadStep.confirmation, &context)
            let record = try context.requiring(\.record)
            services.metrics.entered(record)
            return ConfirmedUpload(record: record, rejection: context.answer?.failure)
        } catch {
            services.metrics.refused(error.code)
            await abandon(context)
            throw error
        }
    }

    /// Every authenticated answer says how its limit stands; a refusal by the limit itself says so already.
    private func withRateLimit(_ response: Response, _ context: UploadContext) -> Response {
        if let status = context.ratePass?.status { return response.adding(status.headers) }
        guard response.headers["X-RateLimit-Limit"] == nil, let caller = context.caller else { return response }
        return response.adding(services.limiter.status(.upload, for: caller).headers)
    }

    private func run(_ steps: [UploadStep], _ context: inout UploadContext) async throws(Failure) {
        for step in steps where context.replay == nil || step.runsOnReplay {
            let start = SystemTime.monotonicSeconds()
            try await step.run(services, &context)
            services.metrics.step(step.name, seconds: SystemTime.monotonicSeconds() - start)
            if let deadline = context.deadline, services.time.now() >= deadline {
                throw .holdExpired
            }
        }
        discard(context)
    }

    /// Leaves nothing behind of an upload that did not get into the books. What cannot be undone now is tried again
    /// later, and the operator is told.
    private func abandon(_ context: UploadContext) async {
        let services = services
        // Each waits for seconds where somebody keeps the database locked, and the client waits for all of them.
        var isLocked = false
        if let hold = context.hold, !context.isConfirmation {
            await undo("hold", context, &isLocked) { () async throws(Failure) in try await hold.release(.aborted) }
        }
        if let key = context.idempotencyKey, let caller = context.caller {
            let id = context.id
            await undo("idempotency_key", context, &isLocked) { () async throws(Failure) in
                try await services.credits.abandon(idempotencyKey: key, of: id, caller)
            }
        }
        guard let spooled = context.spooled else { return }
        // What the database was to keep was stored nowhere.
        guard context.hasStoredContent, spooled.file.bytesForDatabase == nil,
            let organization = context.caller?.organization.id
        else {
            return discard(context)
        }
        // Until the content is withdrawn, the spool file's name tells the next start about it.
        await undo("content", context, &isLocked) { () async throws(Failure) in
            try await services.register.withdrawContent(organization, spooled.sha256)
            do throws(BlobStoreError) { try spooled.file.discard() } catch { throw Failure(storage: error) }
        }
    }

    private func discard(_ context: UploadContext) {
        do { try context.spooled?.file.discard() } catch {
            services.log.error(
                "upload.spool_file_left",
                ["upload_id": .string(context.id.rawValue), "detail": .string(error.description)])
        }
    }

    /// - Parameter isLocked: whether the database is locked; then it is left to the queue at once.
    private func undo(
        _ what: String, _ context: UploadContext, _ isLocked: inout Bool,
        _ body: @escaping @Sendable () async throws(Failure) -> Void
    ) async {
        let item = UndoQueue.Item(upload: context.id, what: what, undo: body)
        guard !isLocked else { return services.undos.append(item) }
        do {
            try await body()
        } catch {
            isLocked = error.code == .overloaded
            services.log.error(
                "upload.undo_failed",
                [
                    "request_id": .string(context.requestID), "upload_id": .string(context.id.rawValue),
                    "what": .string(what), "detail": JSONValue(error.privateDetail ?? error.message),
                ])
            services.undos.append(item)
        }
    }
}
