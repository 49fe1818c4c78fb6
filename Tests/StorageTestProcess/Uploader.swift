import Crypto
import Database
import DatabaseSQLite
import Domain
import Telemetry

/// Uploads as far as the database sees them.
struct Uploader: Sendable {
    let database: SQLiteDatabase
    let organization: InternalID

    /// Holds, then captures in one transaction with a record; gives the upload, or nil without credits.
    func upload(node: String) async throws(DatabaseError) -> UploadID? {
        let organization = organization
        let now = SystemTime().now()
        let upload = RandomID.uploadID()
        let outcome = try await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.credits.placeHold(
                organization: organization, amount: 2, upload: upload, node: node,
                expiresAt: now.adding(seconds: 3600), now: now)
        }
        guard case .placed(let hold, _) = outcome else { return nil }
        let record = record(upload, SHA256.hash(of: upload.rawValue), size: 5, organization, now)
        try await database.write { transaction throws(DatabaseError) in
            try transaction.uploads.insert(record)
            try transaction.blobs.retain(organization, record.sha256, size: 5)
            guard case .captured = try transaction.credits.captureHold(hold, amount: 2, bytes: 5, now: now) else {
                throw .misuse("the hold was closed")
            }
        }
        return upload
    }
}

func record(
    _ id: UploadID, _ sha256: ContentHash, size: Int64, _ organization: InternalID, _ now: Timestamp
) -> UploadRecord {
    let receipt = DecisionReceipt(
        decision: .accepted, reason: .notAnImage, threshold: 0.8,
        policy: GatePolicy(plane: .shared, settings: GateSettings()), scannedAt: now, elapsedMilliseconds: 1,
        sha256: sha256)
    return UploadRecord(
        id: id, organization: organization, bucket: "default", filename: "file", declaredContentType: "text/plain",
        mediaType: .other, size: size, sha256: sha256, status: .completed, scanState: .skipped, metadata: [:],
        credits: 2, receipt: receipt, key: KeyID(rawValue: "key_test"), createdAt: now)
}
