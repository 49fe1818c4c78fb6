import BlobStore
import Crypto
import Database
import Domain

/// Contents against the uploads that have them, and against the files.
extension Verifier {
    func checkContents(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.uploadsWithoutContent { place, sha256, size, indexed throws(DatabaseError) in
            run.add(
                .content, "upload \(place.upload) of \(place.organization)",
                indexed.map { "has \(size) bytes; its content \(sha256) has \($0)" }
                    ?? "its content \(sha256) is not in the index")
        }
        try books.bytesWithoutContent { id, size throws(DatabaseError) in
            run.add(.content, "the \(size) bytes of row \(id) of blob_contents", "are no content's")
        }
        try books.contents { content throws(DatabaseError) in
            run.report.contents += 1
            let place = "content \(content.organization)/\(content.sha256)"
            if content.referenceCount != content.uploads {
                run.add(
                    .content, place,
                    "its reference count is \(content.referenceCount); \(content.uploads) uploads have it")
            }
            if content.referenceCount == 0 {
                run.report.contentsToRemove += 1
            } else if let finding = try problem(with: content, &run) {
                run.add(.file, place, finding)
            }
        }
    }

    /// What is wrong with a content's bytes. It may have been removed since the snapshot, and have been stored again
    /// since, so that one look is not enough.
    private func problem(with content: Reconciliation.Content, _ run: inout Run) throws(DatabaseError) -> String? {
        var finding: String?
        for _ in 0..<3 {
            finding = content.isInDatabase ? try rowProblem(content, &run) : fileProblem(content, &run)
            guard finding != nil else { return nil }
            let isReferenced = try database.read { transaction throws(DatabaseError) in
                try transaction.blobs.isReferenced(content.organization, content.sha256)
            }
            guard isReferenced else { return nil }
        }
        return finding
    }

    private func rowProblem(
        _ content: Reconciliation.Content, _ run: inout Run
    ) throws(DatabaseError) -> String? {
        let bytes = try database.read { transaction throws(DatabaseError) in
            try transaction.blobs.bytes(content.internalID, content.sha256)
        }
        guard let bytes else { return "its bytes are missing from the database" }
        guard bytes.count == content.size else {
            return "the database has \(bytes.count) bytes of it; it should have \(content.size)"
        }
        guard readsContent else { return nil }
        run.report.bytesRead += content.size
        let hash = SHA256.hash(of: bytes)
        return hash == content.sha256 ? nil : "its bytes in the database have the hash \(hash)"
    }

    private func fileProblem(_ content: Reconciliation.Content, _ run: inout Run) -> String? {
        do throws(BlobStoreError) {
            guard let size = try files.size(content.organization, content.sha256) else { return "its file is missing" }
            guard size == content.size else { return "its file has \(size) bytes; it should have \(content.size)" }
            guard readsContent else { return nil }
            guard let hash = try files.hash(content.organization, content.sha256) else { return "its file is missing" }
            run.report.bytesRead += size
            return hash == content.sha256 ? nil : "its file's bytes have the hash \(hash)"
        } catch {
            return "its file cannot be read: \(error)"
        }
    }

    /// Files that no upload has. They are looked at after the database, so that none of them is older than what is
    /// known of it.
    func checkStrayFiles(_ run: inout Run) throws(MaintenanceError) {
        try walk(BlobInspection.Level.top, &run)
    }

    private func walk(_ place: BlobInspection.Level.Place, _ run: inout Run) throws(MaintenanceError) {
        let level: BlobInspection.Level
        do { level = try files.level(place) } catch { throw .storage(error) }
        for file in level.files {
            run.report.files += 1
            guard let content = file.content else {
                run.add(.file, file.path, "is no content")
                continue
            }
            if try isStray(content) { run.add(.file, file.path, "no upload has this content") }
        }
        for place in level.below { try walk(place, &run) }
    }

    /// In this order: an upload in flight has its name in the spool until it is committed, or its file is gone again.
    private func isStray(_ content: BlobInspection.Found.Content) throws(MaintenanceError) -> Bool {
        let (organization, sha256) = (content.organization, content.sha256)
        do {
            if try database.read({ transaction throws(DatabaseError) in
                try transaction.blobs.isReferenced(organization, sha256)
            }) {
                return false
            }
        } catch { throw .database(error) }
        do {
            if try files.isBeingStored(organization, sha256) { return false }
        } catch { throw .storage(error) }
        do {
            // Committed since the first look; or about to be removed, or gone.
            let isKnown = try database.read { transaction throws(DatabaseError) in
                try transaction.blobs.isKnown(organization, sha256)
            }
            if isKnown { return false }
        } catch { throw .database(error) }
        do { return try files.size(organization, sha256) != nil } catch { throw .storage(error) }
    }

    func checkSpool(_ run: inout Run) throws(MaintenanceError) {
        let spooled: [BlobInspection.Spooled]
        do { spooled = try files.spooled() } catch { throw .storage(error) }
        run.report.spoolFiles += spooled.count
        try checkArrivals(spooled, .spool, "spool", stray: "is no upload's body", &run) { file in
            "was last written at \(file.modifiedAt.iso8601), and no credits are held for it"
        } isWanted: { upload, transaction throws(DatabaseError) in
            try transaction.reconciliation.hasOpenHold(upload)
        }
    }

    /// Bodies on their way in that nobody waits for any more, and what else lies beside them. What was written lately may
    /// be on its way still.
    /// - Parameters:
    ///   - stray: what is said of a file that is no upload's.
    ///   - unwanted: what is said of one that nobody waits for.
    func checkArrivals(
        _ arrivals: [BlobInspection.Spooled], _ subject: Difference.Subject, _ directory: String, stray: String,
        _ run: inout Run, unwanted: (BlobInspection.Spooled) -> String,
        isWanted: (UploadID, any Transaction) throws(DatabaseError) -> Bool
    ) throws(MaintenanceError) {
        for file in arrivals {
            guard let upload = file.upload else {
                run.add(subject, "\(directory)/\(file.name)", stray)
                continue
            }
            guard now.seconds - file.modifiedAt.seconds > Self.longestUploadSeconds else { continue }
            let isStillWanted: Bool
            do {
                isStillWanted = try database.read { transaction throws(DatabaseError) in
                    try isWanted(upload, transaction)
                }
            } catch { throw .database(error) }
            if !isStillWanted { run.add(subject, "\(directory)/\(file.name)", unwanted(file)) }
        }
    }
}
