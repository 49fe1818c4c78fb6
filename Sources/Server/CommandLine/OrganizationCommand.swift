import Database
import Domain
import JSON
import Tenancy

/// `portcullis org …`: organizations without HTTP. It works beside a running service.
enum OrganizationCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let rest = words.dropFirst()
        switch words.first {
        case "create": try create(rest)
        case "list": try list(rest)
        case "show": try show(rest)
        case "set": try set(rest)
        default: throw UsageError("org needs create, list, show or set")
        }
        return 0
    }

    private static func create(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, options: ["name", "tier", "credits", "user"], flags: ["json"])
        try arguments.noOperands()
        var fields: JSONObject = ["organization_name": .string(try arguments.required("name"))]
        fields["account_type"] = arguments["tier"].map(JSONValue.string)
        if let credits = arguments["credits"] {
            guard let number = Int64(credits) else { throw UsageError("--credits needs a whole number") }
            fields["credits"] = .integer(number)
        }
        let email = arguments["user"] ?? AdminDatabase.defaultUser
        fields["users"] = [["email": .string(email), "role": "admin"]]
        let request = fields
        let created = try AdminDatabase.use(isCreating: true) { directory in
            try await directory.create(from: request, by: AdminDatabase.author)
        }
        show(created, asJSON: arguments.has("json"))
    }

    private static func list(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, flags: ["json"])
        try arguments.noOperands()
        var cursor: PageCursor?
        repeat {
            let after = cursor
            let page = try AdminDatabase.use { directory in try directory.presentations(after: after, limit: 100) }
            for organization in page.items {
                if arguments.has("json") {
                    Console.print(JSONValue.object(organization).encoded)
                } else {
                    let columns = ["organization_id", "account_type", "credit_count", "organization_name"]
                    Console.print(columns.map { text(organization[$0]) }.joined(separator: "\t"))
                }
            }
            cursor = page.next
        } while cursor != nil
    }

    private static func show(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, flags: ["json"])
        let id = try organization(in: arguments, operands: 1)
        let found = try AdminDatabase.use { directory in try directory.presentation(of: id) }
        show(found, asJSON: arguments.has("json"))
    }

    private static func set(_ words: ArraySlice<String>) throws {
        let arguments = try Arguments(words, flags: ["json"])
        let id = try organization(in: arguments, operands: 2)
        let fields: JSONObject
        do {
            guard let object = try JSONParser.parse(arguments.operands[1]).objectValue else {
                throw UsageError("the settings are no JSON object")
            }
            fields = object
        } catch let error as JSONError {
            throw UsageError("the settings are not valid JSON: \(error.message)")
        }
        let changed = try AdminDatabase.use { directory in
            try await directory.update(id, from: fields, by: AdminDatabase.author)
        }
        show(changed, asJSON: arguments.has("json"))
    }

    private static func organization(in arguments: Arguments, operands: Int) throws -> OrganizationID {
        guard arguments.operands.count == operands else {
            throw UsageError(operands == 1 ? "expected ORGANIZATION" : "expected ORGANIZATION and JSON")
        }
        return OrganizationID(rawValue: arguments.operands[0])
    }

    private static func show(_ object: JSONObject, asJSON: Bool) {
        if asJSON {
            Console.print(JSONValue.object(object).encoded)
        } else {
            for (name, value) in object { Console.print("\(name): \(text(value))") }
        }
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .some(let value): value.encoded
        case nil: ""
        }
    }
}
