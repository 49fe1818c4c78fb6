import Admission
import Crypto
import Database
import Domain
import Endpoints
import HTTP
import Spool
import UploadPipeline

/// Announces uploads: everything that can be checked is checked now, the credits are held, and a signed URL is given
/// out.
struct UploadCreation: Sendable {
    let services: BucketServices

    /// Holds of announced uploads belong to no node: a restart must not give them back.
    static let node = "announced"
    /// A hold outlives its upload's URL, because a body may take long and be confirmed late. The sweep gives it back
    /// earlier.
    static let holdGraceSeconds: Int64 = 86_400
    static let maximumBatch = 100

    private enum Creation: Sendable {
        case created(BucketUpload)
        case duplicate(UploadRecord)
        case refused(Failure)
        /// The answer of the request that this one repeats.
        case replayed(IdempotentAnswer)
    }

    func create(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        let reader = try AnnouncementReader(bucket: request.parameters["bucket_identifier"] ?? "", request.head)
        let key = try request.head.idempotencyKey()
        let body = try await request.jsonObject()
        var fields = FieldReader(body)
        let announcement = reader.announcement(&fields)
        try fields.finish()
        guard let announcement else { throw Failure(.internal, privateDetail: "an announcement without errors is nil") }
        let base = try services.base(request.head)
        let said = "announcement\n\(announcement.bucket)\n\(JSONValue.object(body).encoded)"
        let repetition = key.map { Repetition(key: $0, fingerprint: SHA256.hash(of: said)) }
        switch try await create(announcement, caller, repetition, base) {
        case .refused(let failure): throw failure
        case .replayed(let answer): return UploadAnswer(replaying: answer).response
        case let creation: return Response(json: view(creation, announcement, caller, base))
        }
    }

    /// What makes a request the repeat of another.
    private struct Repetition: Sendable {
        let key: String
        let fingerprint: ContentHash
    }

    /// One upload, and under an idempotency key its answer, in one transaction.
    private func create(
        _ announcement: UploadAnnouncement, _ caller: Caller, _ repetition: Repetition?, _ base: String
    ) async throws(Failure) -> Creation {
        let now = services.time.now()
        let organization = caller.organization.internalID
        return try await services.database.writeForRequest { transaction throws(DatabaseError) in
            let owner = RandomID.uploadID()
            if let repetition {
                let begun = try transaction.idempotency.begin(
                    organization, key: repetition.key, owner: owner, node: Self.node, now: now)
                switch begun {
                case .begun: break
                case .inProgress: return .refused(CreditAdmission.inProgress)
                case .complete(let answer):
                    return answer.bodyHash == repetition.fingerprint
                        ? .replayed(answer) : .refused(.idempotencyConflict)
                }
            }
            let creation = try Self.create(announcement, caller, now, in: transaction, id: owner)
            guard let repetition else { return creation }
            guard case .created = creation else {
                // A duplicate is one the next time too; a refusal may not be.
                try transaction.idempotency.abandon(organization, key: repetition.key, owner: owner)
                return creation
            }
            let body = view(creation, announcement, caller, base).encoded
            _ = try transaction.idempotency.complete(
                organization, key: repetition.key,
                answer: IdempotentAnswer(
                    bodyHash: repetition.fingerprint, status: 200, response: body, upload: owner))
            return creation
        }
    }

    func createBatch(_ request: Request, _ caller: Caller) async throws(Failure) -> Response {
        var reader = try AnnouncementReader(bucket: request.parameters["bucket_identifier"] ?? "", request.head)
        var fields = FieldReader(try await request.jsonObject())
        fields.require("uploads")
        reader.sharedMetadata =
            fields.object("shared_metadata", maximumBytes: AnnouncementReader.maximumMetadataBytes) ?? [:]
        reader.sharedObjectMetadata = fields.object(
            "shared_object_metadata", maximumBytes: AnnouncementReader.maximumMetadataBytes)
        let items = fields.array("uploads", maximumCount: Self.maximumBatch)
        if items?.isEmpty == true { fields.reject("uploads", "too_short", "is empty; expected at least one upload") }
        var announcements: [UploadAnnouncement] = []
        for (index, item) in (items ?? []).enumerated() {
            guard let object = item.objectValue else {
                fields.reject("uploads", "object_type", "element \(index) is \(item.kindName); expected an object")
                continue
            }
            var nested = FieldReader(object, at: ["body", "uploads", String(index)])
            if let announcement = reader.announcement(&nested) { announcements.append(announcement) }
            fields.absorb(nested)
        }
        try fields.finish()
        let base = try services.base(request.head)
        let creations = try await create(announcements, caller)
        let views = zip(creations, announcements).map { view($0, $1, caller, base) }
        return Response(json: ["uploads": .array(views), "total": .integer(Int64(views.count))])
    }

    /// All in one transaction, each with its own result.
    private func create(
        _ announcements: [UploadAnnouncement], _ caller: Caller
    ) async throws(Failure) -> [Creation] {
        let now = services.time.now()
        return try await services.database.writeForRequest { transaction throws(DatabaseError) in
            var creations: [Creation] = []
            for announcement in announcements {
                creations.append(try Self.create(announcement, caller, now, in: transaction))
            }
            return creations
        }
    }

    private static func create(
        _ announcement: UploadAnnouncement, _ caller: Caller, _ now: Timestamp, in transaction: any Transaction,
        id: UploadID = RandomID.uploadID()
    ) throws(DatabaseError) -> Creation {
        let organization = caller.organization
        let limit = organization.tier.maximumFileBytes
        if let size = announcement.size, size > limit {
            return .refused(UploadForm.tooLarge(limit: limit, size: size))
        }
        if announcement.skipDuplicates, let hash = announcement.fileHash,
            let original = try transaction.uploads.duplicates(of: hash, in: organization.internalID, limit: 1).first
        {
            return .duplicate(original)
        }
        let expiresAt = now.adding(seconds: announcement.expirationSeconds)
        let amount = Credits.cost(ofBytes: announcement.size ?? 1)
        let outcome = try transaction.credits.placeHold(
            organization: organization.internalID, amount: amount, upload: id, node: node,
            expiresAt: expiresAt.adding(seconds: holdGraceSeconds), now: now)
        switch outcome {
        case .noSuchOrganization: return .refused(.organizationDeleted)
        case .insufficient(let balance):
            return .refused(.insufficientCredits(required: amount, balance))
        case .placed(let hold, _):
            let upload = BucketUpload(
                id: id, organization: organization.internalID, createdAt: now, key: caller.key.id,
                announcement: announcement, secret: RandomBytes.generate(32), hold: hold, expiresAt: expiresAt)
            try transaction.bucketUploads.insert(upload)
            return .created(upload)
        }
    }

    /// A replayed answer is sent as it was, and has no view of its own.
    private func view(
        _ creation: Creation, _ announcement: UploadAnnouncement, _ caller: Caller, _ base: String
    ) -> JSONValue {
        switch creation {
        case .created(let upload):
            var view = BucketUploadView(upload, of: caller.organization.id)
            view.url = SignedURL(sendingTo: upload, tier: caller.organization.tier)
                .text(for: upload, base: base)
            return view.json
        case .duplicate(let original):
            var view = BucketUploadView(BucketUpload(posted: original), of: caller.organization.id)
            view.isDuplicate = true
            view.message = "The organization has a file of this hash already; nothing needs to be uploaded."
            return view.json
        case .replayed: return .null
        case .refused(let failure):
            let now = services.time.now()
            var view = BucketUploadView(
                BucketUpload(
                    id: RandomID.uploadID(), organization: caller.organization.internalID, createdAt: now,
                    key: caller.key.id, announcement: announcement, secret: [], hold: nil, status: .failed,
                    expiresAt: now),
                of: caller.organization.id)
            view.message = failure.message
            view.error = failure.envelope
            return view.json
        }
    }
}
