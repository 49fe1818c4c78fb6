import Crypto
import Database
import Domain
import Tenancy
import Transfer

/// Sends one event to one webhook.
struct WebhookSender: Sendable {
    let configuration: DeliveryConfiguration
    /// nil where the operator has set no key; then nothing can be signed.
    let vault: WebhookVault?
    let cancellation: TransferCancellation
    let userAgent: String

    enum Outcome {
        case delivered(DeliveryAttempt)
        case failed(DeliveryAttempt)
        /// The service stops; it is no attempt.
        case cancelled
    }

    /// Blocks until the answer is there, or the webhook's time is over.
    func send(_ claim: ClaimedDelivery, now: Timestamp) -> Outcome {
        let webhook = claim.webhook
        guard let secrets = vault?.open(webhook) else {
            return .failed(
                DeliveryAttempt(error: "the webhook's secrets were sealed with another key of the operator"))
        }
        guard let url = WebURL(webhook.url), configuration.rules.problem(with: webhook.url) == nil else {
            return .failed(DeliveryAttempt(error: "events are not sent to this URL any more"))
        }
        let body = Self.payload(of: claim.delivery.event).encodedBytes
        let signature = WebhookSignature.header(for: body, secrets: secrets.signing(at: now), at: now)
        let rules = configuration.rules
        let transfer = HTTPTransfer(
            url: url.text,
            headers: [
                ("Content-Type", "application/json"), ("User-Agent", userAgent),
                ("X-Portcullis-Event", claim.delivery.event.kind.rawValue),
                ("X-Portcullis-Event-Id", claim.delivery.event.id.rawValue),
                ("X-Portcullis-Delivery", claim.delivery.id.rawValue),
                ("X-Portcullis-Signature", signature), ("X-Mixpeek-Signature", signature),
            ] + secrets.headers, body: body, timeoutMilliseconds: webhook.timeoutMilliseconds,
            authoritiesFile: configuration.authoritiesFile, allowsPlainText: rules.allowsPlainText(url))
        do throws(TransferError) {
            let answer = try transfer.post(cancellation: cancellation) { rules.mayConnect(to: $0, for: url) }
            var attempt = DeliveryAttempt(responseStatus: answer.status, responseExcerpt: Self.excerpt(answer.excerpt))
            switch answer.status {
            case 200...299: return .delivered(attempt)
            case 300...399: attempt.error = "the answer \(answer.status) is a redirect, which is not followed"
            default: attempt.error = "the answer was \(answer.status)"
            }
            return .failed(attempt)
        } catch {
            if error.kind == .cancelled { return .cancelled }
            return .failed(DeliveryAttempt(error: Self.publicText(of: error)))
        }
    }

    static func payload(of event: Event) -> JSONValue {
        [
            "id": .string(event.id.rawValue), "type": .string(event.kind.rawValue),
            "created_at": JSONValue(event.createdAt), "organization_id": .string(event.organizationID.rawValue),
            "subject": .string(event.subject), "sequence": .integer(event.sequence), "data": .object(event.data),
        ]
    }

    /// Whether a name leads to no address or to a forbidden one is not told: webhooks would find out what names this
    /// network has.
    private static func publicText(of error: TransferError) -> String {
        switch error.kind {
        case .unknownHost, .forbiddenAddress:
            "host_not_reachable: the host's name leads to no address that events are sent to"
        default: "\(error.kind.rawValue): \(error.publicText)"
        }
    }

    /// A stranger's text: what is no printable character becomes a point.
    static func excerpt(_ bytes: [UInt8]) -> String {
        String(
            String.UnicodeScalarView(
                String(decoding: bytes, as: UTF8.self).unicodeScalars.map { isPrintable($0) ? $0 : "." }))
    }

    /// Neither a control character, nor one that ends a line or turns the direction of what follows.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
