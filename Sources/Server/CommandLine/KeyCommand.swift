import Domain
import Tenancy

/// `portcullis key create`: the first key without HTTP.
enum KeyCommand {
    static func run(_ words: [String]) throws -> Int32 {
        guard words.first == "create" else { throw UsageError("key needs create") }
        let arguments = try Arguments(
            words.dropFirst(), options: ["organization", "user", "name", "permissions"], flags: ["json"])
        try arguments.noOperands()
        let organization = OrganizationID(rawValue: try arguments.required("organization"))
        let email = arguments["user"] ?? AdminDatabase.defaultUser
        var fields: JSONObject = ["name": .string(arguments["name"] ?? "cli")]
        if let permissions = arguments["permissions"] {
            fields["permissions"] = .array(permissions.split(separator: ",").map { .string(String($0)) })
        }
        let request = fields
        let created = try AdminDatabase.use(isCreating: true) { directory in
            try await directory.createKey(
                from: request, forUser: email, of: organization, by: AdminDatabase.author)
        }
        if arguments.has("json") {
            Console.print(JSONValue.object(created).encoded)
        } else {
            Console.print(created["key"]?.stringValue ?? "")
        }
        return 0
    }
}
