import BlobStore
package import Database
package import Domain
import Glibc
import SystemCalls

/// What a backup holds.
package struct BackupReport: Hashable, Sendable {
    package var contents = 0
    package var bytes: Int64 = 0
    /// Contents on another file system than the backup, whose bytes were copied; the others share them.
    package var copied = 0
    /// Contents that the database refers to and whose files are missing, up to 100 of them.
    package var missing: [String] = []
    /// Announced uploads whose bytes had arrived and are in the backup.
    package var arrivals = 0
    /// Announced uploads that were over by the time their bytes were to be taken: in the backup they are as if their
    /// bytes had not arrived.
    package var forgottenArrivals: [UploadID] = []
}

/// Copies a data directory while a service works with it: one snapshot of the database, and every content that it refers
/// to. A content's file is never changed once it has its name, so a second name for it (a hard link) is as good as a
/// copy; only on another file system the bytes are copied.
///
/// A content that is deleted between the snapshot and its turn is missing then, so the snapshot is taken anew until none
/// is: what was copied already stays, so that the rounds become short.
package struct Backup {
    private let directory: String
    private let target: String
    private let copyDatabase: (String) throws(DatabaseError) -> Void
    private let openCopy: (String) throws(DatabaseError) -> any DatabaseDriver
    private let amendCopy: Amendment

    /// Changes a snapshot in one transaction.
    package typealias Amendment = (
        String, (any Transaction) throws(DatabaseError) -> Void
    ) throws(DatabaseError) -> Void

    private static let rounds = 8

    /// - Parameters:
    ///   - copyDatabase: writes a snapshot of the database to a file that is there and empty.
    ///   - openCopy: opens such a snapshot for reading.
    ///   - amendCopy: changes such a snapshot, which nobody has open.
    package init(
        of directory: String, to target: String, copyDatabase: @escaping (String) throws(DatabaseError) -> Void,
        openCopy: @escaping (String) throws(DatabaseError) -> any DatabaseDriver, amendCopy: @escaping Amendment
    ) {
        self.directory = directory
        // What follows is made of the name, and `backup/.partial` would be in the directory that is to be made.
        var end = target.endIndex
        while end > target.startIndex, target[..<end].hasSuffix("/"), target[..<end] != "/" {
            end = target.index(before: end)
        }
        self.target = String(target[..<end])
        self.amendCopy = amendCopy
        self.copyDatabase = copyDatabase
        self.openCopy = openCopy
    }

    private var unfinished: String { target + ".partial" }

    /// Makes the backup under another name first, so that whatever has the target's name is whole.
    package func run() throws(MaintenanceError) -> BackupReport {
        try requireFree(target, "exists already; a backup is made into a directory of its own")
        try requireFree(unfinished, "is left of a backup that was interrupted; remove it first")
        try requireOutside()
        _ = try system { () throws(SystemCallError) in try FileSystem.makeDirectory(unfinished) }
        do { return try make() } catch {
            // Nobody can use what there is of it, and it may be what filled the disk.
            try? FileSystem.removeTree(unfinished)
            throw error
        }
    }

    /// A backup inside the data directory would be taken for stray files of the service, and go with it.
    private func requireOutside() throws(MaintenanceError) {
        let slash = target.lastIndex(of: "/")
        let parent = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
        let (place, data) = try system { () throws(SystemCallError) in
            (try FileSystem.canonicalPath(parent), try FileSystem.canonicalPath(directory))
        }
        guard place != data, !place.hasPrefix(data == "/" ? data : data + "/") else {
            throw .unusable("\(target) is inside the data directory \(data); a backup is made outside of it")
        }
    }

    private func make() throws(MaintenanceError) -> BackupReport {
        try system { () throws(SystemCallError) in
            for path in [unfinished + "/blobs", unfinished + "/spool", unfinished + "/staging"] {
                try FileSystem.makeDirectory(path)
            }
        }
        var report = BackupReport()
        for _ in 0..<Self.rounds {
            report = try copy(report)
            if report.missing.isEmpty { break }
        }
        try forget(report.forgottenArrivals)
        try tidy()
        try system { () throws(SystemCallError) in
            // Whoever starts on the backup gives back what this node had in flight.
            try copyFile(directory + "/node-id", to: unfinished + "/node-id")
            try FileSystem.open(unfinished + "/portcullis.db", .read).sync()
            try FileSystem.syncDirectory(unfinished)
            try FileSystem.rename(unfinished, to: target)
            try FileSystem.syncDirectory(target + "/..")
        }
        return report
    }

    private func requireFree(_ path: String, _ problem: String) throws(MaintenanceError) {
        let isFree = try system { () throws(SystemCallError) in try FileStatus.of(path) == nil }
        guard isFree else { throw .unusable("\(path) \(problem)") }
    }

    /// One round: a new snapshot, and the contents that the rounds before did not bring.
    private func copy(_ earlier: BackupReport) throws(MaintenanceError) -> BackupReport {
        let path = unfinished + "/portcullis.db"
        try system { () throws(SystemCallError) in
            try FileSystem.unlink(path)
            // Made here, so that only its owner can read it.
            _ = try FileSystem.open(path, .create)
        }
        var report = BackupReport(copied: earlier.copied)
        var failure: MaintenanceError?
        do throws(DatabaseError) {
            try copyDatabase(path)
            let copy = try openCopy(path)
            defer { copy.close() }
            let (start, files) = (report, BlobInspection(directory: directory))
            (report, failure) = try copy.read { transaction throws(DatabaseError) in
                var report = start
                var failure: MaintenanceError?
                try transaction.reconciliation.contents { content throws(DatabaseError) in
                    guard content.referenceCount > 0, failure == nil else { return }
                    do throws(MaintenanceError) { try take(content, from: files, &report) } catch { failure = error }
                }
                // What has not arrived whole is sent again.
                try transaction.reconciliation.arrivals { arrival throws(DatabaseError) in
                    guard failure == nil else { return }
                    do throws(MaintenanceError) { try take(arrival, from: files, &report) } catch { failure = error }
                }
                return (report, failure)
            }
        } catch {
            throw .database(error)
        }
        if let failure { throw failure }
        return report
    }

    private func take(
        _ content: Reconciliation.Content, from files: BlobInspection, _ report: inout BackupReport
    ) throws(MaintenanceError) {
        if content.isInDatabase {
            report.contents += 1
            report.bytes += content.size
            return
        }
        let (source, destination): (String, String)
        do throws(BlobStoreError) {
            source = try files.path(of: content.sha256, content.organization)
            destination = try BlobInspection(directory: unfinished).path(of: content.sha256, content.organization)
        } catch { throw .storage(error) }
        do throws(SystemCallError) {
            if try link(source, destination) { report.copied += 1 }
        } catch {
            guard error.number == ENOENT else { throw .system(error) }
            if report.missing.count < 100 { report.missing.append("\(content.organization)/\(content.sha256)") }
            return
        }
        report.contents += 1
        report.bytes += content.size
    }

    /// Bytes that arrived whole are not written again, so they can be linked like a content. An upload that was
    /// confirmed since the snapshot has them as its content, which came before they were taken away here.
    private func take(
        _ arrival: Reconciliation.Arrival, from files: BlobInspection, _ report: inout BackupReport
    ) throws(MaintenanceError) {
        let (sources, destination): ([String], String)
        do throws(BlobStoreError) {
            sources = [
                try files.path(ofStaged: arrival.upload), try files.path(of: arrival.sha256, arrival.organization),
            ]
            destination = try BlobInspection(directory: unfinished).path(ofStaged: arrival.upload)
        } catch { throw .storage(error) }
        for source in sources {
            do throws(SystemCallError) {
                if try link(source, destination) { report.copied += 1 }
                report.arrivals += 1
                report.bytes += arrival.size
                return
            } catch {
                guard error.number == ENOENT else { throw .system(error) }
            }
        }
        // Rejected, deleted or given up since: nowhere any more, and the snapshot must not say that they arrived.
        report.forgottenArrivals.append(arrival.upload)
    }

    private func forget(_ arrivals: [UploadID]) throws(MaintenanceError) {
        guard !arrivals.isEmpty else { return }
        do throws(DatabaseError) {
            try amendCopy(unfinished + "/portcullis.db") { transaction throws(DatabaseError) in
                for upload in arrivals {
                    // One that was being confirmed is given back first, as the start on the backup would do.
                    try transaction.bucketUploads.giveBack(upload, expiresAt: Timestamp(milliseconds: 0))
                    try transaction.bucketUploads.forgetReceived(upload)
                }
            }
        } catch { throw .database(error) }
    }

    /// - Returns: whether the bytes had to be copied.
    private func link(_ source: String, _ destination: String) throws(SystemCallError) -> Bool {
        // Where an earlier round brought it, the source may be gone, which link(2) would report before it looks at the
        // destination.
        if try FileStatus.of(destination) != nil { return false }
        do {
            _ = try FileSystem.link(source, to: destination)
            return false
        } catch {
            switch error.number {
            case ENOENT where destination.hasPrefix(unfinished + "/blobs/"):
                // Either the source or the directories are missing.
                guard try FileStatus.of(source) != nil else { throw error }
                let parts = destination.split(separator: "/", omittingEmptySubsequences: false)
                for end in [parts.count - 2, parts.count - 1] {
                    try FileSystem.makeDirectory(parts[..<end].joined(separator: "/"))
                }
                return try linkOnce(source, destination)
            default: return try linkOnce(source, destination)
            }
        }
    }

    private func linkOnce(_ source: String, _ destination: String) throws(SystemCallError) -> Bool {
        do {
            _ = try FileSystem.link(source, to: destination)
            return false
        } catch {
            guard [EXDEV, EMLINK, EPERM].contains(error.number) else { throw error }
            try copyFile(source, to: destination)
            return true
        }
    }

    private func copyFile(_ source: String, to destination: String) throws(SystemCallError) {
        let input = try FileSystem.open(source, .read)
        let partial = destination + ".partial"
        try FileSystem.unlink(partial)
        let output = try FileSystem.open(partial, .create)
        var offset: Int64 = 0
        while true {
            let piece = try input.contents(at: offset, count: 1 << 20)
            if piece.isEmpty { break }
            try output.write(piece)
            offset += Int64(piece.count)
        }
        try output.sync()
        try output.close()
        try FileSystem.rename(partial, to: destination)
    }

    /// Takes away what only earlier snapshots referred to, and syncs the directories.
    private func tidy() throws(MaintenanceError) {
        let copy: any DatabaseDriver
        do { copy = try openCopy(unfinished + "/portcullis.db") } catch { throw .database(error) }
        defer { copy.close() }
        try tidy(BlobInspection.Level.top, copy)
        try tidyStaging(copy)
    }

    private func tidyStaging(_ copy: any DatabaseDriver) throws(MaintenanceError) {
        do {
            for file in try BlobInspection(directory: unfinished).staged() {
                guard let upload = file.upload else { continue }
                let isWanted = try copy.read { transaction throws(DatabaseError) in
                    try transaction.bucketUploads.needsBytes(upload)
                }
                if !isWanted { try FileSystem.unlink("\(unfinished)/staging/\(file.name)") }
            }
            try FileSystem.syncDirectory(unfinished + "/staging")
        } catch let error as BlobStoreError {
            throw .storage(error)
        } catch let error as DatabaseError {
            throw .database(error)
        } catch let error as SystemCallError {
            throw .system(error)
        } catch {
            throw .unusable("\(error)")
        }
    }

    private func tidy(_ place: BlobInspection.Level.Place, _ copy: any DatabaseDriver) throws(MaintenanceError) {
        let level: BlobInspection.Level
        do { level = try BlobInspection(directory: unfinished).level(place) } catch { throw .storage(error) }
        for file in level.files {
            var isWanted = false
            if let content = file.content {
                do {
                    isWanted = try copy.read { transaction throws(DatabaseError) in
                        try transaction.blobs.isReferenced(content.organization, content.sha256)
                    }
                } catch { throw .database(error) }
            }
            if !isWanted {
                _ = try system { () throws(SystemCallError) in try FileSystem.unlink("\(unfinished)/\(file.path)") }
            }
        }
        for below in level.below { try tidy(below, copy) }
        try system { () throws(SystemCallError) in try FileSystem.syncDirectory("\(unfinished)/\(place.path)") }
    }

    private func system<T>(_ body: () throws(SystemCallError) -> T) throws(MaintenanceError) -> T {
        do { return try body() } catch { throw .system(error) }
    }
}
