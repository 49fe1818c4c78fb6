import BlobStore
package import Database
import Domain
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

    private static let rounds = 8

    /// - Parameters:
    ///   - copyDatabase: writes a snapshot of the database to a file that is there and empty.
    ///   - openCopy: opens such a snapshot for reading.
    package init(
        of directory: String, to target: String, copyDatabase: @escaping (String) throws(DatabaseError) -> Void,
        openCopy: @escaping (String) throws(DatabaseError) -> any DatabaseDriver
    ) {
        self.directory = directory
        self.target = target
        self.copyDatabase = copyDatabase
        self.openCopy = openCopy
    }

    private var unfinished: String { target + ".partial" }

    /// Makes the backup under another name first, so that whatever has the target's name is whole.
    package func run() throws(MaintenanceError) -> BackupReport {
        try requireFree(target, "exists already; a backup is made into a directory of its own")
        try requireFree(unfinished, "is left of a backup that was interrupted; remove it first")
        try system { () throws(SystemCallError) in
            for path in [unfinished, unfinished + "/blobs", unfinished + "/spool", unfinished + "/staging"] {
                try FileSystem.makeDirectory(path)
            }
        }
        var report = BackupReport()
        for _ in 0..<Self.rounds {
            report = try copy(report)
            if report.missing.isEmpty { break }
        }
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
        let (source, destination): (String, String)
        do throws(BlobStoreError) {
            source = try files.path(of: content.sha256, content.organization)
            destination = try BlobInspection(directory: unfinished).path(of: content.sha256, content.organization)
        } catch { throw .storage(error) }
        try take(source, destination, content.size, "\(content.organization)/\(content.sha256)", &report)
    }

    /// Bytes that arrived whole are not written again, so they can be linked like a content.
    private func take(
        _ arrival: Reconciliation.Arrival, from files: BlobInspection, _ report: inout BackupReport
    ) throws(MaintenanceError) {
        let (source, destination): (String, String)
        do throws(BlobStoreError) {
            source = try files.path(ofStaged: arrival.upload)
            destination = try BlobInspection(directory: unfinished).path(ofStaged: arrival.upload)
        } catch { throw .storage(error) }
        try take(source, destination, arrival.size, "staging/\(arrival.upload)", &report)
    }

    private func take(
        _ source: String, _ destination: String, _ size: Int64, _ name: String, _ report: inout BackupReport
    ) throws(MaintenanceError) {
        do throws(SystemCallError) {
            if try link(source, destination) { report.copied += 1 }
        } catch {
            guard error.number == ENOENT else { throw .system(error) }
            if report.missing.count < 100 { report.missing.append(name) }
            return
        }
        report.contents += 1
        report.bytes += size
    }

    /// - Returns: whether the bytes had to be copied.
    private func link(_ source: String, _ destination: String) throws(SystemCallError) -> Bool {
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
