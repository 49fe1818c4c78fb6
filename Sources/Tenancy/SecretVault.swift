package import Crypto
import Database
import Domain

/// Seals the organizations' secrets with the operator's key. A sealed value is bound to its organization and name: moved
/// to another place, it cannot be opened.
package struct SecretVault: Sendable {
    private let key: SealingKey

    package init(key: SealingKey) { self.key = key }

    /// The same for webhooks.
    package var webhooks: WebhookVault { WebhookVault(key: key) }

    package var fingerprint: String { key.fingerprint }

    func seal(_ value: String, named name: String, of organization: InternalID) -> SealedSecret {
        SealedSecret(
            organization: organization, name: name,
            sealed: key.seal(Array(value.utf8), context: Self.context(name, organization)),
            keyFingerprint: key.fingerprint)
    }

    /// The value; nil where another key sealed it, or where it was changed.
    func open(_ secret: SealedSecret) -> String? {
        key.open(secret.sealed, context: Self.context(secret.name, secret.organization))
            .flatMap { String(validating: $0, as: UTF8.self) }
    }

    // No identifier contains a NUL, so that no two pairs give the same bytes.
    private static func context(_ name: String, _ organization: InternalID) -> [UInt8] {
        Array(organization.rawValue.utf8) + [0] + Array(name.utf8)
    }
}
