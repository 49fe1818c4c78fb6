import Crypto
import Database
import Domain
import Endpoints
import Transfer

enum WebhookLimits {
    /// Of one organization.
    static let webhooks = 10
    static let nameLength = 1...200
    static let headers = 16
    static let headerLength = 1...1_024
    static let secretLength = 16...256
    static let timeoutSeconds: ClosedRange<Int64> = 1...30
    static let defaultTimeoutSeconds: Int64 = 10
    /// What stands for a value that is not shown, and, in a change, for the one that is there.
    static let redacted = "redacted"
    static let headerPattern = "^(?:[Aa]uthorization|[Xx]-[0-9A-Za-z-]{1,60})$"
}

/// A webhook as a request describes it: all of it, as the official API's PUT does.
struct WebhookDraft: Sendable {
    private(set) var name = ""
    private var eventTypes: [String] = []
    private var resourceTypes: [String]?
    private var isActive: Bool
    private var url = ""
    private var timeoutMilliseconds = Int(WebhookLimits.defaultTimeoutSeconds) * 1_000
    /// nil for the one that is there, or a new one.
    private var secret: String?
    /// nil values stand for those that are there.
    private var headers: [(name: String, value: String?)] = []

    init(reading fields: inout FieldReader, rules: TargetRules, isNew: Bool) {
        isActive = fields.bool("is_active") ?? true
        name = fields.displayName("webhook_name", length: WebhookLimits.nameLength) ?? ""
        fields.require("webhook_name")
        eventTypes = Self.choices("event_types", of: EventKind.names, &fields) ?? []
        fields.require("event_types")
        resourceTypes = Self.choices("resource_types", of: EventKind.resourceTypes, &fields)
        for name in ["webhook_id", "internal_id", "delivery_health", "created_at", "updated_at"] {
            fields.unsupported(name, "is set by the service")
        }
        fields.require("channels")
        guard let channels = fields.array("channels", maximumCount: 1) else { return }
        guard let channel = channels.first?.objectValue else {
            fields.reject("channels", "too_short", "needs one channel, an object")
            return
        }
        var reader = FieldReader(channel, at: ["body", "channels", "0"])
        if reader.string("channel", length: 1...100) != "webhook" {
            reader.reject("channel", "not_supported", "is not \"webhook\", the only channel here")
        }
        reader.require("configs")
        if var configs = reader.nested("configs") {
            read(&configs, rules: rules, isNew: isNew)
            reader.absorb(configs)
        }
        fields.absorb(reader)
    }

    private mutating func read(_ configs: inout FieldReader, rules: TargetRules, isNew: Bool) {
        configs.require("url")
        if let text = configs.string("url", length: 1...2_048) {
            if let problem = rules.problem(with: text) { configs.reject("url", "url", problem) }
            url = text
        }
        if let seconds = configs.integer("timeout", WebhookLimits.timeoutSeconds) {
            timeoutMilliseconds = Int(seconds) * 1_000
        }
        configs.unsupported("payload_template", "payloads have one form here")
        if let text = configs.anyText("signing_secret", length: 0...WebhookLimits.secretLength.upperBound),
            isNew || text != WebhookLimits.redacted
        {
            if WebhookLimits.secretLength.contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) {
                secret = text
            } else {
                configs.reject(
                    "signing_secret", "secret",
                    "has not 16 to 256 printable ASCII characters; every delivery is signed")
            }
        }
        readHeaders(&configs, isNew: isNew)
    }

    private mutating func readHeaders(_ configs: inout FieldReader, isNew: Bool) {
        guard let object = configs.object("headers") else { return }
        guard object.count <= WebhookLimits.headers else {
            configs.reject("headers", "too_long", "has more than \(WebhookLimits.headers) members")
            return
        }
        var seen: Set<String> = []
        for (name, value) in object {
            guard Self.isHeaderName(name) else {
                configs.reject(
                    "headers", "header_name", "has a name that is neither Authorization nor X-… (and not one of ours)")
                continue
            }
            guard seen.insert(name.lowercased()).inserted else {
                configs.reject("headers", "duplicate", "has the name \(name) twice; upper and lower case are the same")
                continue
            }
            guard let text = value.stringValue, WebhookLimits.headerLength.contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }), text.utf8.first != 0x20
            else {
                configs.reject(
                    "headers", "header_value",
                    "has a value that is not 1 to 1024 printable characters, the first one no blank")
                continue
            }
            headers.append((name, !isNew && text == WebhookLimits.redacted ? nil : text))
        }
    }

    private static func isHeaderName(_ name: String) -> Bool {
        // Other alphabets have letters whose lower case is one of these.
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else { return false }
        let folded = name.lowercased()
        if folded == "authorization" { return true }
        return folded.hasPrefix("x-") && (3...62).contains(folded.utf8.count)
            && !["x-portcullis-", "x-mixpeek-"].contains(where: { folded.hasPrefix($0) })
            && folded.utf8.allSatisfy { byte in
                byte == 0x2d || (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
            }
    }

    private static func choices(
        _ name: String, of known: [String], _ fields: inout FieldReader
    ) -> [String]? {
        guard let values = fields.array(name, maximumCount: 50) else { return nil }
        var found: [String] = []
        for value in values {
            guard let text = value.stringValue, known.contains(text) else {
                fields.reject(
                    name, "enum",
                    "\(value.encoded.clipped(to: 80)) is not one of \(known.joined(separator: ", "))")
                return nil
            }
            if !found.contains(text) { found.append(text) }
        }
        if found.isEmpty, name == "event_types" { fields.reject(name, "too_short", "names no type of event") }
        return found
    }

    /// - Returns: the webhook, and the signing secret where it was made here: nobody sees it again.
    func webhook(
        of organization: InternalID, vault: WebhookVault, now: Timestamp
    ) -> (webhook: Webhook, madeSecret: String?) {
        let made = secret == nil ? RandomID.webhookSecret() : nil
        let id = RandomID.webhookID()
        let secrets = WebhookSecrets(
            signing: secret ?? made ?? "", headers: headers.map { ($0.name, $0.value ?? "") })
        let webhook = Webhook(
            id: id, organization: organization, name: name, eventTypes: eventTypes, resourceTypes: resourceTypes,
            url: url, headerNames: headers.map(\.name), timeoutMilliseconds: timeoutMilliseconds,
            sealed: vault.seal(secrets, of: id), keyFingerprint: vault.fingerprint, isActive: isActive,
            createdAt: now, updatedAt: now)
        return (webhook, made)
    }

    /// The webhook with what the request says.
    /// - Throws: where its secrets cannot be read, and where the request keeps a header's value that cannot be kept.
    func applied(to webhook: Webhook, vault: WebhookVault, now: Timestamp) throws(Failure) -> Webhook {
        guard var secrets = vault.open(webhook) else { throw .unreadableWebhook }
        if let secret { secrets.replaceSigning(with: secret, now: now) }
        secrets.headers = try headers(keeping: secrets.headers, of: webhook)
        var changed = webhook
        (changed.name, changed.eventTypes, changed.resourceTypes) = (name, eventTypes, resourceTypes)
        (changed.url, changed.timeoutMilliseconds) = (url, timeoutMilliseconds)
        changed.headerNames = headers.map(\.name)
        changed.sealed = vault.seal(secrets, of: webhook.id)
        changed.keyFingerprint = vault.fingerprint
        changed.updatedAt = now
        // Whoever changes it and has it on says that it is well again.
        if isActive { changed.health = DeliveryHealth() }
        changed.isActive = isActive
        return changed
    }

    /// A value that nobody can read must not be sent to another host: it was given for the one that is there.
    private func headers(
        keeping known: [(name: String, value: String)], of webhook: Webhook
    ) throws(Failure) -> [(name: String, value: String)] {
        let isSameServer = WebURL(url).map { $0.isSameServer(as: WebURL(webhook.url)) } ?? false
        var reader = FieldReader([:], at: ["body", "channels", "0", "configs"])
        var kept: [(name: String, value: String)] = []
        for header in headers {
            if let value = header.value {
                kept.append((header.name, value))
            } else if let old = known.first(where: { $0.name.lowercased() == header.name.lowercased() }) {
                if !isSameServer {
                    reader.reject(
                        "headers", "redacted",
                        "keeps the value of \(header.name), and the URL's scheme, host or port changes; give it again")
                }
                kept.append((header.name, old.value))
            } else {
                reader.reject("headers", "redacted", "keeps the value of \(header.name), which has none")
            }
        }
        try reader.finish()
        return kept
    }
}

extension WebURL {
    /// Whether the same server answers, by name, port and protocol.
    fileprivate func isSameServer(as other: WebURL?) -> Bool {
        other.map { $0.scheme == scheme && $0.host == host && $0.port == port } ?? false
    }
}
