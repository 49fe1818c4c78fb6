import BlobStore
import Database
import Domain
import Telemetry

/// What announced uploads need beside requests: what a crash left at the start, and the end of those that nobody
/// confirmed.
package struct BucketUpkeep: Sendable {
    private let services: BucketServices
    private let node: String

    init(services: BucketServices, node: String) {
        self.services = services
        self.node = node
    }

    /// Gives back what this node was confirming, and takes away bytes that nobody needs. Runs before the first request.
    package func recover() async throws {
        let (node, blobs) = (node, services.blobs)
        let count = try await services.database.write(makingRoom: blobs.giveUpReserve) {
            transaction throws(DatabaseError) in
            try transaction.bucketUploads.giveBackAll(ofNode: node)
        }
        var removed = 0
        for upload in try services.blobs.stagedUploads() {
            let isNeeded = try services.database.read { transaction throws(DatabaseError) in
                try transaction.bucketUploads.needsBytes(upload)
            }
            guard !isNeeded else { continue }
            try services.blobs.removeStaged(upload)
            removed += 1
        }
        services.log.info(
            "bucket.recovered",
            [
                "given_back": .integer(Int64(count)), "staged_files_removed": .integer(Int64(removed)),
                "bytes_missing": .integer(Int64(try await forgetMissing())),
            ])
    }

    /// A backup has no staged bytes: what had arrived before it has to be sent again.
    /// - Returns: how many uploads that concerns.
    private func forgetMissing() async throws -> Int {
        var missing = 0
        var last: UploadID?
        while true {
            let after = last
            let page = try services.database.read { transaction throws(DatabaseError) in
                try transaction.bucketUploads.received(after: after)
            }
            guard let end = page.last else { return missing }
            last = end
            for upload in page where try services.blobs.stagedSize(upload) == 0 {
                try await services.database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                    try transaction.bucketUploads.forgetReceived(upload)
                }
                missing += 1
            }
        }
    }

    /// Ends what was not confirmed in time. What is being sent right now is left for the next time.
    package func sweep() async throws {
        let now = services.time.now()
        let overdue = try services.database.read { transaction throws(DatabaseError) in
            try transaction.bucketUploads.overdue(now: now)
        }
        var lackOfRoom: Failure?
        for upload in overdue {
            do throws(BlobStoreError) {
                // Closed again at once: it only tells whether somebody is sending.
                _ = try services.blobs.openStaged(upload.id)
            } catch {
                if case .inUse = error { continue }
                throw error
            }
            let isEnded: Bool
            do throws(Failure) {
                isEnded = try await services.abort(
                    upload, .failed, "The upload was not confirmed before it expired.", reason: .expired)
            } catch {
                guard error.code == .insufficientStorage else { throw error }
                // There may be no room to write that it is over because of what it left. Its time is over whatever the
                // record says, so the bytes go first, and the record follows when there is room.
                services.removeStaged(upload.id)
                lackOfRoom = error
                continue
            }
            if isEnded { services.log.info("bucket.expired", ["upload_id": .string(upload.id.rawValue)]) }
        }
        if let lackOfRoom { throw lackOfRoom }
        try await services.database.write(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.tasks.expire(now: now)
        }
    }
}
