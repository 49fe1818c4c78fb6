import TestSupport

/// A webhook of a tenant, as its tests use it.
struct WebhookClient {
    static let path = "/v1/organizations/webhooks"
    let tenant: Tenant
    let id: String
    let secret: String

    /// Settings with which a service sends to the loopback, and does not wait long.
    static let settings = [
        "PORTCULLIS_WEBHOOK_ALLOWED_HOSTS": "127.0.0.0/8", "PORTCULLIS_WEBHOOK_RETRY_BASE_MILLISECONDS": "50",
        "PORTCULLIS_REJECTED_RETENTION_DAYS": "1",
    ]

    static func body(
        _ url: String, name: String = "hook", events: [String] = ["upload.accepted"], _ configs: [String: JSON] = [:]
    ) -> JSON {
        let all = (["url": .string(url)] as [String: JSON]).merging(configs) { $1 }
        return [
            "webhook_name": .string(name), "event_types": .array(events.map(JSON.string)),
            "channels": [["channel": "webhook", "configs": .object(all)]],
        ]
    }

    init(
        _ tenant: Tenant, _ url: String, name: String = "hook", events: [String] = ["upload.accepted"],
        _ configs: [String: JSON] = [:]
    ) throws {
        self.tenant = tenant
        let answer = try tenant.send(
            HTTPRequest("POST", Self.path, json: Self.body(url, name: name, events: events, configs)))
        guard answer.status == 200, let id = try answer.json["webhook_id"].string,
            let secret = try answer.json["channels"][0]["configs"]["signing_secret"].string
        else { throw SupportError("no webhook: \(answer.text)") }
        (self.id, self.secret) = (id, secret)
    }

    func deliveries(_ query: String = "") throws -> [JSON] {
        try tenant.get("\(Self.path)/\(id)/deliveries\(query)").json["results"].array
    }

    func health() throws -> JSON { try tenant.get("\(Self.path)/\(id)").json["delivery_health"] }

    /// Waits until so many deliveries have a status.
    func wait(for count: Int, _ status: String) throws -> [JSON] {
        for _ in 0..<3_000 {
            let found = try deliveries("?status=\(status)&limit=1000")
            if found.count >= count { return found }
            pause(milliseconds: 20)
        }
        throw SupportError("never \(count) deliveries are \(status): \(try deliveries())")
    }
}
