import Crypto
import Domain

/// Signs what is sent: `t=<unix seconds>,v1=<hex>`, the HMAC-SHA-256 of `<t>.` and the body under the webhook's secret. For
/// a while after a rotation there are two `v1`, the newer one first.
enum WebhookSignature {
    static func header(for body: [UInt8], secrets: [String], at now: Timestamp) -> String {
        let seconds = now.milliseconds / 1_000
        let message = Array("\(seconds).".utf8) + body
        let codes = secrets.map { secret in
            "v1=" + Hexadecimal.encode(HMACSHA256.code(for: message, key: Array(secret.utf8)))
        }
        return (["t=\(seconds)"] + codes).joined(separator: ",")
    }
}
