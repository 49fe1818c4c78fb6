import Domain
import Endpoints

/// The changes that an organization's admin may make with `PATCH /v1/organizations`. nil leaves a field as it is.
struct OrganizationUpdate: Sendable {
    private(set) var name: String?
    private(set) var logoURL: String?
    private(set) var billingEmail: String?
    private(set) var notificationsEmail: String?
    private(set) var metadata: JSONObject?
    private(set) var rateLimitOverrides: RateLimitOverrides?
    private(set) var defaultLLMCredentials: [ExactString: ExactString]?
    private(set) var checkEnabled: Bool?
    private(set) var failClosed: Bool?

    /// - Parameter rateLimitCeiling: the highest limit, in requests per minute, that an organization may set.
    init(reading fields: inout FieldReader, rateLimitCeiling: Int) {
        name = fields.displayName("organization_name", length: 1...200)
        logoURL = fields.webURL("logo_url")
        billingEmail = fields.email("billing_email")
        notificationsEmail = fields.mailbox("notifications_email")
        metadata = fields.object("metadata", maximumBytes: OrganizationLimits.metadataBytes)
        rateLimitOverrides = fields.rateLimits("rate_limit_overrides", ceiling: rateLimitCeiling)
        defaultLLMCredentials = fields.names(
            "default_llm_credentials", maximumCount: OrganizationLimits.credentials)
        checkEnabled = fields.bool("nsfw_check_enabled")
        failClosed = fields.bool("nsfw_fail_closed")
    }

    /// Names of secrets that must exist.
    var secretNames: Set<ExactString> { Set((defaultLLMCredentials ?? [:]).values) }

    func apply(to organization: inout Organization) {
        if let name { organization.name = name }
        if let logoURL { organization.logoURL = logoURL }
        if let billingEmail { organization.billingEmail = billingEmail }
        if let notificationsEmail {
            organization.notificationsEmail = notificationsEmail
            // Whoever saves the address says that it is good.
            organization.notificationsEmailStatus = nil
        }
        if let metadata { organization.metadata = metadata }
        if let rateLimitOverrides { organization.rateLimitOverrides = rateLimitOverrides }
        if let defaultLLMCredentials { organization.defaultLLMCredentials = defaultLLMCredentials }
        if let checkEnabled { organization.gate.checkEnabled = checkEnabled }
        if let failClosed { organization.gate.failClosed = failClosed }
    }
}

enum OrganizationLimits {
    static let metadataBytes = 65_536
    static let infrastructureBytes = 65_536
    static let credentials = 64
}
