package import Crypto
import Database
package import Domain
import JSON

/// What of a webhook nobody reads back: the secrets that sign its deliveries, and the values of its own headers.
package struct WebhookSecrets: Hashable, Sendable {
    package var signing: String
    /// The one before, with which deliveries are signed too for a while after it was replaced.
    package var previous: String?
    package var previousUntil: Timestamp?
    package var headers: [(name: String, value: String)]

    /// Those that count at `now`, the newest first.
    package func signing(at now: Timestamp) -> [String] {
        guard let previous, let previousUntil, now < previousUntil else { return [signing] }
        return [signing, previous]
    }

    /// Puts another secret in the place of the present one.
    mutating func replaceSigning(with secret: String, now: Timestamp) {
        guard secret != signing else { return }
        (previous, previousUntil) = (signing, now.adding(seconds: Self.overlapSeconds))
        signing = secret
    }

    private static let overlapSeconds: Int64 = 86_400

    package static func == (left: WebhookSecrets, right: WebhookSecrets) -> Bool { left.json == right.json }
    package func hash(into hasher: inout Hasher) { hasher.combine(json) }

    fileprivate var json: JSONObject {
        var values = JSONObject()
        for (name, value) in headers { values[name] = .string(value) }
        return [
            "signing": .string(signing), "previous": JSONValue(previous),
            "previous_until": JSONValue(previousUntil?.milliseconds), "headers": .object(values),
        ]
    }

    fileprivate init?(_ json: JSONObject) {
        guard let signing = json["signing"]?.stringValue, let values = json["headers"]?.objectValue else { return nil }
        self.init(signing: signing, headers: values.compactMap { name, value in value.stringValue.map { (name, $0) } })
        previous = json["previous"]?.stringValue
        previousUntil = json["previous_until"]?.integerValue.map { Timestamp(milliseconds: $0) }
    }

    package init(signing: String, headers: [(name: String, value: String)]) {
        self.signing = signing
        self.headers = headers
    }
}

/// Seals the webhooks' secrets with the operator's key. What is sealed is bound to its webhook.
package struct WebhookVault: Sendable {
    private let key: SealingKey

    package init(key: SealingKey) { self.key = key }

    package var fingerprint: String { key.fingerprint }

    package func seal(_ secrets: WebhookSecrets, of webhook: WebhookID) -> [UInt8] {
        key.seal(JSONValue.object(secrets.json).encodedBytes, context: Self.context(webhook))
    }

    /// nil where another key sealed it, or where it was changed.
    package func open(_ webhook: Webhook) -> WebhookSecrets? {
        guard let text = key.open(webhook.sealed, context: Self.context(webhook.id)),
            let json = try? JSONParser.parse(text)
        else { return nil }
        return json.objectValue.flatMap { WebhookSecrets($0) }
    }

    private static func context(_ webhook: WebhookID) -> [UInt8] { Array("webhook:\(webhook.rawValue)".utf8) }
}
