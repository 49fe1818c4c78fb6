import Foundation

/// An organization of a running service, with an admin key.
package struct Tenant: Sendable {
    package let service: Service
    package let id: String
    package let internalID: String
    package let email: String
    package let key: String

    /// The same organization at another service that has the same data.
    package func at(_ service: Service) -> Tenant {
        Tenant(service: service, id: id, internalID: internalID, email: email, key: key)
    }

    /// Answers of the private API about this organization.
    package func organization() throws -> JSON {
        try service.sendPrivately(HTTPRequest("GET", "/v1/private/organizations/\(id)")).json
    }

    /// Another key, shown once.
    package func makeKey(_ permissions: String...) throws -> String {
        try service.makeKey(organization: id, email: email, permissions: permissions)["key"].string ?? ""
    }

    package func send(
        _ request: HTTPRequest, _ manner: HTTPConnection.Manner = .attentive
    ) throws -> HTTPResponse {
        try service.send(request, key: key, manner)
    }

    package func get(_ target: String) throws -> HTTPResponse { try send(HTTPRequest("GET", target)) }
    package func delete(_ target: String) throws -> HTTPResponse { try send(HTTPRequest("DELETE", target)) }

    /// PATCH by the organization's admin.
    package func patch(_ changes: JSON) throws -> HTTPResponse {
        try send(HTTPRequest("PATCH", "/v1/organizations", json: changes))
    }

    /// PATCH by the operator.
    @discardableResult
    package func patchPrivately(_ changes: JSON) throws -> HTTPResponse {
        try service.sendPrivately(HTTPRequest("PATCH", "/v1/private/organizations/\(id)", json: changes))
    }

    /// Credits available now.
    package func credits() throws -> Int {
        let answer = try get("/v1/organizations")
        guard let credits = try answer.json["credit_count"].int else {
            throw SupportError("no whole credit_count in \(answer.status) \(answer.text)")
        }
        return credits
    }

    /// The upload endpoint for a raw body.
    package static func target(filename: String, bucket: String? = nil) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let encoded = { (text: String) in text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text }
        return "/v1/uploads?filename=\(encoded(filename))" + (bucket.map { "&bucket=\(encoded($0))" } ?? "")
    }

    /// Posts bytes as a raw body.
    package func upload(
        _ bytes: [UInt8], filename: String = "upload.bin", contentType: String = "application/octet-stream"
    ) throws -> HTTPResponse {
        try send(
            HTTPRequest(
                "POST", Self.target(filename: filename), headers: [("Content-Type", contentType)], body: .bytes(bytes)))
    }

    /// Posts a fixture as a raw body under its own name.
    package func upload(fixture name: String) throws -> HTTPResponse {
        try upload(Repository.fixture(name), filename: name)
    }

    /// Posts bytes that must be accepted, and returns the upload's id.
    package func accepted(_ bytes: [UInt8], filename: String = "upload.bin") throws -> String {
        let answer = try upload(bytes, filename: filename)
        guard answer.status == 201, let id = try answer.json["upload_id"].string else {
            throw SupportError("the upload was not accepted: \(answer.status) \(answer.text)")
        }
        return id
    }
}

extension Service {
    /// Creates an organization with an admin user and key. Its rate limits are high unless `rateLimits` says otherwise;
    /// `members` are further members of the request.
    package func makeTenant(
        tier: String = "pro", rateLimits: JSON? = nil, _ members: [String: JSON] = [:]
    ) throws -> Tenant {
        let email = "admin@example.org"
        let high: JSON = ["metadata": 9000, "data": 9000, "search": 9000, "upload": 9000, "compute": 9000]
        var body: [String: JSON] = [
            "organization_name": "Test", "account_type": .string(tier), "rate_limits": rateLimits ?? high,
            "users": [["email": .string(email), "user_name": "Admin", "role": "admin"]],
        ]
        body.merge(members) { $1 }
        let answer = try sendPrivately(HTTPRequest("POST", "/v1/private/organizations", json: .object(body)))
        guard answer.status == 200, let id = try answer.json["organization_id"].string,
            let internalID = try answer.json["internal_id"].string
        else { throw SupportError("the organization was not created: \(answer.status) \(answer.text)") }
        let key = try makeKey(organization: id, email: email, permissions: ["read", "write", "delete", "admin"])
        guard let secret = key["key"].string else { throw SupportError("no key in \(key)") }
        return Tenant(service: self, id: id, internalID: internalID, email: email, key: secret)
    }

    /// The private API's answer to a request for a key.
    package func makeKey(organization: String, email: String, permissions: [String]) throws -> JSON {
        let answer = try sendPrivately(
            HTTPRequest(
                "POST", "/v1/private/organizations/\(organization)/users/\(email)/bootstrap-key",
                json: [
                    "name": .string("key-\(UUID().uuidString)"), "permissions": .array(permissions.map(JSON.string)),
                ]))
        guard answer.status == 200 || answer.status == 201 else {
            throw SupportError("no key was created: \(answer.status) \(answer.text)")
        }
        return try answer.json
    }
}
