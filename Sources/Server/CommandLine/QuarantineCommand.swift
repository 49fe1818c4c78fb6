import BlobStore
import Charge
import Database
import Domain
import Settings
import Telemetry
import UploadPipeline

/// `portcullis quarantine …`: the quarantine without HTTP. It works beside a running service.
enum QuarantineCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let rest = words.dropFirst()
        switch words.first {
        case "list": try list(rest)
        case "show": try show(rest)
        case "release": try release(rest)
        case "purge": try purge(rest)
        default: throw UsageError("quarantine needs list, show, release or purge")
        }
        return 0
    }

    private static func list(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, options: ["organization", "status"], flags: ["json"])
        try arguments.noOperands()
        var filter = QuarantineFilter(organization: arguments["organization"].map(OrganizationID.init(rawValue:)))
        if let text = arguments["status"] {
            guard let status = UploadStatus(rawValue: text), [.quarantined, .rejected].contains(status) else {
                throw UsageError("--status is QUARANTINED or REJECTED")
            }
            filter.status = status
        }
        let wanted = filter
        var cursor: PageCursor?
        repeat {
            let after = cursor
            let page = try use { quarantine in try quarantine.list(wanted, after: after, limit: 100) }
            for entry in page.items {
                Console.print(arguments.has("json") ? JSONValue.object(entry).encoded : line(entry))
            }
            cursor = page.next
        } while cursor != nil
    }

    /// Upload, organization, status, reason, since and until when, separated by tabs.
    private static func line(_ entry: JSONObject) -> String {
        let upload = entry["upload"]?.objectValue ?? [:]
        let columns = [
            upload["upload_id"], upload["organization_id"], upload["status"],
            upload["gate"]?.objectValue?["reason"], entry["quarantined_at"], entry["retained_until"],
        ]
        return columns.map { $0?.stringValue ?? "-" }.joined(separator: "\t")
    }

    private static func show(_ words: ArraySlice<String>) throws {
        let id = try upload(in: Arguments(words))
        Console.print(JSONValue.object(try use { quarantine in try quarantine.show(id) }).encoded)
    }

    private static func release(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, options: ["reason"])
        let id = try upload(in: arguments)
        let decision = QuarantineDecision(actor: AdminDatabase.actor, reason: try arguments.required("reason"))
        let released = try use { quarantine in try await quarantine.release(id, decision) }
        Console.print(JSONValue.object(released).encoded)
    }

    private static func purge(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, options: ["reason"])
        let id = try upload(in: arguments)
        let decision = QuarantineDecision(actor: AdminDatabase.actor, reason: arguments["reason"])
        try use { quarantine in try await quarantine.purge(id, decision) }
        Console.print("The content of \(id) was removed.")
    }

    private static func upload(in arguments: Arguments) throws -> UploadID {
        guard arguments.operands.count == 1 else { throw UsageError("expected UPLOAD") }
        return UploadID(rawValue: arguments.operands[0])
    }

    private static func use<T: Sendable>(
        _ body: @escaping @Sendable (QuarantineDirectory) async throws -> T
    ) throws -> T {
        try AdminDatabase.use { database, directory in
            let blobs = try LocalBlobStore(besideOwnerOf: directory)
            return try await body(QuarantineDirectory(database: database, blobs: blobs, time: SystemTime()))
        }
    }
}
