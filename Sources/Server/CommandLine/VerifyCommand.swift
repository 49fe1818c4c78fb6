import BlobStore
import Database
import DatabaseSQLite
import Domain
import Maintenance
import Settings
import Telemetry

/// `portcullis verify`: recomputes the books from scratch, also beside a running service.
enum VerifyCommand {
    /// - Returns: 0 where everything agrees, 1 for differences, 2 where it could not be looked at.
    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, flags: ["content", "json"])
        try arguments.noOperands()
        do {
            let directory = try Configuration.load().storage.dataDirectory
            try DataDirectory.requireDatabase(in: directory)
            return try verify(directory, readsContent: arguments.has("content"), asJSON: arguments.has("json"))
        } catch {
            Console.error("portcullis: verify: \(error)")
            return 2
        }
    }

    private static func verify(_ directory: String, readsContent: Bool, asJSON: Bool) throws -> Int32 {
        let database = try SQLiteInspection(path: "\(directory)/portcullis.db")
        defer { database.close() }
        let verifier = Verifier(
            database: database, files: BlobInspection(directory: directory), readsContent: readsContent,
            now: SystemTime().now()
        ) { difference in
            if asJSON {
                Console.print(
                    JSONValue.object([
                        "subject": .string(difference.subject.rawValue), "place": .string(difference.place),
                        "finding": .string(difference.finding),
                    ]).encoded)
            } else {
                Console.print("difference: \(difference.line)")
            }
        }
        let report = try verifier.run(problems: try database.problems())
        guard !database.wasDisturbed else {
            throw DatabaseError.busy("a service started on it meanwhile; verify again")
        }
        Console.print(asJSON ? JSONValue.object(["summary": .object(summary(report))]).encoded : text(report))
        return report.differences == 0 ? 0 : 1
    }

    private static func summary(_ report: VerificationReport) -> JSONObject {
        var summary = JSONObject()
        for (name, count) in counts(report) { summary[name] = .integer(count) }
        return summary
    }

    private static func text(_ report: VerificationReport) -> String {
        "checked: " + counts(report).map { "\($0.name.replacingUnderscores) \($0.count)" }.joined(separator: ", ")
    }

    private static func counts(_ report: VerificationReport) -> [(name: String, count: Int64)] {
        [
            ("organizations", Int64(report.organizations)), ("ledger_rows", Int64(report.ledgerRows)),
            ("open_holds", Int64(report.holds)), ("uploads", Int64(report.uploads)),
            ("quarantined", Int64(report.quarantined)), ("contents", Int64(report.contents)),
            ("contents_to_remove", Int64(report.contentsToRemove)), ("files", Int64(report.files)),
            ("spool_files", Int64(report.spoolFiles)), ("staged_files", Int64(report.stagedFiles)),
            ("bytes_read", report.bytesRead),
            ("differences", Int64(report.differences)),
        ]
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? " " : $0 }) }
}
