/// A client of the flow of announced uploads, in one bucket of a tenant.
package struct BucketClient: Sendable {
    package let tenant: Tenant
    package let bucket: String

    package init(_ tenant: Tenant, bucket: String = "photos") {
        self.tenant = tenant
        self.bucket = bucket
    }

    package var collection: String { "/v1/buckets/\(bucket)/uploads" }

    package func post(_ path: String, _ body: JSON = [:]) throws -> HTTPResponse {
        try tenant.send(HTTPRequest("POST", collection + path, json: body))
    }

    package func announce(
        _ filename: String = "file.bin", contentType: String = "application/octet-stream",
        _ members: [String: JSON] = [:]
    ) throws -> HTTPResponse {
        var body: [String: JSON] = ["filename": .string(filename), "content_type": .string(contentType)]
        body.merge(members) { $1 }
        return try post("", .object(body))
    }

    /// An upload that was announced: its id and the path and query of its URL.
    package struct Announced: Sendable {
        package let id: String
        package let target: String
        package let contentType: String

        package init(id: String, target: String, contentType: String) {
            self.id = id
            self.target = target
            self.contentType = contentType
        }
    }

    package func announced(
        _ filename: String = "file.bin", contentType: String = "application/octet-stream",
        _ members: [String: JSON] = [:]
    ) throws -> Announced {
        let answer = try announce(filename, contentType: contentType, members)
        guard answer.status == 200, let id = try answer.json["upload_id"].string,
            let url = try answer.json["presigned_url"].string, let target = Self.target(of: url)
        else { throw SupportError("the upload was not announced: \(answer.status) \(answer.text)") }
        return Announced(id: id, target: target, contentType: contentType)
    }

    /// Path and query of a URL of this service.
    package static func target(of url: String) -> String? {
        url.hasPrefix("http://localhost/") ? String(url.dropFirst("http://localhost".count)) : nil
    }

    package func put(
        _ upload: Announced, _ body: HTTPRequest.Body, range: String? = nil
    ) throws -> HTTPResponse {
        var request = HTTPRequest("PUT", upload.target, headers: [("Content-Type", upload.contentType)], body: body)
        if let range { request = request.adding("Content-Range", range) }
        return try tenant.service.send(request)
    }

    package func head(_ upload: Announced) throws -> HTTPResponse {
        try tenant.service.send(HTTPRequest("HEAD", upload.target))
    }

    package func confirm(_ id: String, _ body: JSON = [:], query: String = "") throws -> HTTPResponse {
        try post("/\(id)/confirm\(query)", body)
    }

    package func get(_ id: String, query: String = "") throws -> HTTPResponse {
        try tenant.get("\(collection)/\(id)\(query)")
    }

    package func list(_ body: JSON = [:], query: String = "") throws -> HTTPResponse { try post("/list\(query)", body) }

    /// Announces and sends, without confirming.
    package func sent(
        _ bytes: [UInt8], _ filename: String = "file.bin", contentType: String = "application/octet-stream",
        _ members: [String: JSON] = [:]
    ) throws -> Announced {
        let upload = try announced(filename, contentType: contentType, members)
        let answer = try put(upload, .bytes(bytes))
        guard answer.status == 200 else {
            throw SupportError("the bytes were refused: \(answer.status) \(answer.text)")
        }
        return upload
    }

    /// Whether bytes of an upload wait for its confirmation.
    package func isStaged(_ id: String) -> Bool {
        tenant.service.directory.files(below: "data/staging").contains { $0.hasSuffix(id) }
    }

    /// Credits that are held for uploads in flight.
    package func heldCredits() throws -> Int? {
        try tenant.organization()["held_credits"].int
    }
}
