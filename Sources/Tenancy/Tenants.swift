package import Database
package import Domain
package import Endpoints
package import HTTP
package import Transfer

/// Every public endpoint about an organization, its people, keys, money, secrets and history.
package struct Tenants: Sendable {
    private let organization: OrganizationEndpoints
    private let users: UserEndpoints
    private let keys: KeyEndpoints
    private let billing: BillingEndpoints
    private let usage: UsageEndpoints
    private let secrets: SecretEndpoints
    private let audit: AuditEndpoints
    private let webhooks: WebhookEndpoints

    /// - Parameters:
    ///   - rateLimitCeiling: the highest limit, in requests per minute, that an organization may set for itself.
    ///   - selfServiceCredits: whether an organization may grant itself credits.
    ///   - vault: nil where secrets cannot be kept.
    ///   - targets: where webhooks may lead.
    package init(
        database: any DatabaseDriver, time: any TimeSource, rateLimitCeiling: Int, selfServiceCredits: Bool,
        vault: SecretVault?, targets: TargetRules
    ) {
        organization = OrganizationEndpoints(
            database: database, time: time, rateLimitCeiling: rateLimitCeiling, selfServiceCredits: selfServiceCredits)
        users = UserEndpoints(database: database, time: time)
        keys = KeyEndpoints(database: database, time: time)
        billing = BillingEndpoints(database: database, time: time)
        usage = UsageEndpoints(database: database, time: time)
        secrets = SecretEndpoints(database: database, time: time, vault: vault)
        audit = AuditEndpoints(database: database, time: time)
        webhooks = WebhookEndpoints(database: database, time: time, vault: vault?.webhooks, rules: targets)
    }

    package func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        organization.register(on: &router, routes)
        users.register(on: &router, routes)
        keys.register(on: &router, routes)
        billing.register(on: &router, routes)
        usage.register(on: &router, routes)
        secrets.register(on: &router, routes)
        audit.register(on: &router, routes)
        webhooks.register(on: &router, routes)
    }
}
