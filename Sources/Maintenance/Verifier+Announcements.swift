import BlobStore
import Database
import Domain

/// Announced uploads against their bytes, their records and their counts.
extension Verifier {
    func checkAnnouncements(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.announcementMismatches { place, status, record throws(DatabaseError) in
            run.add(
                .bucket, "announced upload \(place.upload) of \(place.organization)",
                "is \(status.rawValue); its record is \(record?.rawValue ?? "missing")")
        }
        try books.announcementsWithoutHold(now: now) { place, hold, holder throws(DatabaseError) in
            run.add(
                .bucket, "announced upload \(place.upload) of \(place.organization)",
                holder.map { "is open; its hold \(hold) is \($0)'s" } ?? "is open; its hold \(hold) is not")
        }
        try books.bucketCountMismatches { count throws(DatabaseError) in
            run.add(
                .bucket, "bucket \(count.bucket) of \(count.organization)",
                "\(count.uploads.counted) \(count.status) uploads of \(count.bytes.counted) bytes are counted; it has "
                    + "\(count.uploads.found) of \(count.bytes.found)")
        }
        try books.arrivals { arrival throws(DatabaseError) in
            guard let finding = stagingProblem(arrival, &run) else { return }
            // Confirmed or given up since the snapshot, which takes the bytes away.
            let isNeeded = try database.read { transaction throws(DatabaseError) in
                try transaction.bucketUploads.needsBytes(arrival.upload)
            }
            if isNeeded {
                run.add(.staging, "announced upload \(arrival.upload) of \(arrival.organization)", finding)
            }
        }
    }

    private func stagingProblem(_ arrival: Reconciliation.Arrival, _ run: inout Run) -> String? {
        do throws(BlobStoreError) {
            guard let size = try files.stagedSize(arrival.upload) else {
                // On a full disk the bytes of an upload whose time is over go before its record can say so.
                return arrival.expiresAt > now ? "its bytes are missing" : nil
            }
            guard size == arrival.size else { return "\(size) bytes are there; \(arrival.size) were received" }
            guard readsContent else { return nil }
            guard let hash = try files.stagedHash(arrival.upload) else { return "its bytes are missing" }
            run.report.bytesRead += size
            return hash == arrival.sha256 ? nil : "its bytes have the hash \(hash), not \(arrival.sha256)"
        } catch {
            return "its bytes cannot be read: \(error)"
        }
    }

    /// Bytes of announced uploads that nobody needs any more, and what else lies there.
    func checkStaging(_ run: inout Run) throws(MaintenanceError) {
        let staged: [BlobInspection.Spooled]
        do { staged = try files.staged() } catch { throw .storage(error) }
        run.report.stagedFiles += staged.count
        try checkArrivals(staged, .staging, "staging", stray: "is no announced upload's bytes", &run) { _ in
            "no announced upload needs these bytes"
        } isWanted: { upload, transaction throws(DatabaseError) in
            try transaction.bucketUploads.needsBytes(upload)
        }
    }
}
