import Database
import DatabaseSQLite
import Domain
import Maintenance
import Settings

/// `portcullis backup DIRECTORY`: copies the data directory, also beside a running service.
enum BackupCommand {
    /// - Returns: 0 for a whole backup, 1 where contents are missing from the data directory itself, 2 where there is
    ///   none.
    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, flags: ["json"])
        guard arguments.operands.count == 1, let target = arguments.operands.first, !target.isEmpty else {
            throw UsageError("backup needs a DIRECTORY that does not exist yet")
        }
        do {
            let directory = try Configuration.load().storage.dataDirectory
            try DataDirectory.requireDatabase(in: directory)
            return try backUp(directory, to: target, asJSON: arguments.has("json"))
        } catch {
            Console.error("portcullis: backup: \(error)")
            return 2
        }
    }

    private static func backUp(_ directory: String, to target: String, asJSON: Bool) throws -> Int32 {
        let backup = Backup(
            of: directory, to: target,
            copyDatabase: { path throws(DatabaseError) in
                let database = try SQLiteInspection(path: "\(directory)/portcullis.db")
                defer { database.close() }
                try database.copy(to: path)
                guard !database.wasDisturbed else {
                    throw .busy("a service started on it meanwhile; back up again")
                }
            },
            openCopy: { path throws(DatabaseError) in try SQLiteInspection(path: path) },
            amendCopy: { path, body throws(DatabaseError) in try SQLiteInspection.amend(copy: path, body) })
        let report = try backup.run()
        for content in report.missing { Console.error("portcullis: backup: the content \(content) is missing") }
        if asJSON {
            Console.print(
                JSONValue.object([
                    "directory": .string(target), "contents": .integer(Int64(report.contents)),
                    "bytes": .integer(report.bytes), "copied": .integer(Int64(report.copied)),
                    "missing": .integer(Int64(report.missing.count)),
                    "staged": .integer(Int64(report.arrivals)),
                    "to_be_sent_again": .integer(Int64(report.forgottenArrivals.count)),
                ]).encoded)
        } else {
            Console.print(
                "\(target): the database and \(report.contents) contents, and the bytes of \(report.arrivals) announced "
                    + "uploads (\(report.bytes) bytes; \(report.copied) files copied, the others share their bytes with "
                    + "the data directory)")
            if !report.forgottenArrivals.isEmpty {
                Console.print(
                    "\(target): \(report.forgottenArrivals.count) announced uploads ended meanwhile; in the backup their "
                        + "bytes are still to be sent")
            }
        }
        return report.missing.isEmpty ? 0 : 1
    }
}
