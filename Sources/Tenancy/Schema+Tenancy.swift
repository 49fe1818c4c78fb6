import Domain
import Endpoints

/// The objects of the answers.
extension Schema {
    static let user = named(
        "User",
        answer([
            ("user_id", .string), ("email", .string), ("user_name", .string), ("role", .choice(of: UserRole.self)),
            ("status", .choice(of: UserStatus.self)), ("avatar_url", Schema.string.nullable),
            ("metadata", .map(.anything)), ("created_at", .timestamp), ("updated_at", .timestamp),
        ]))

    private static let keyMembers: [Property] = [
        ("key_id", .string),
        ("key_hash", Schema.string.described("The key's identifier again, for the official SDK's model")),
        ("key_prefix", Schema.string.described("The first characters of the secret")),
        ("key_type", .choice(["standard"])),
        ("internal_id", Schema.string.described("The organization's public identifier, for the official SDK's model")),
        ("organization_id", .string), ("user_id", .string), ("name", .string), ("description", .string),
        ("permissions", .array(.choice(of: Permission.self))), ("scopes", .array(.anything)),
        ("rate_limit_override", Schema.integer().nullable), ("status", .choice(["active", "revoked", "expired"])),
        ("expires_at", Schema.timestamp.nullable), ("last_used_at", Schema.timestamp.nullable),
        ("created_at", .timestamp), ("created_by", Schema.string.nullable), ("revoked_at", Schema.timestamp.nullable),
    ]
    static let key = named("APIKey", answer(keyMembers))
    static let createdKey = named(
        "CreatedAPIKey", answer(keyMembers + [("key", Schema.string.described("The secret, shown this once"))]))

    static func list(_ name: String, of element: Schema) -> Schema {
        named(
            name,
            answer([
                ("results", .array(element)), ("total", .integer(0...Int64.max)), ("skip", .integer(0...Int64.max)),
                ("limit", .integer(0...Int64.max)),
            ]))
    }

    private static let nothing = anything.nullable.described("Always null; for the official SDK's model")
    private static let deliveryStatus = answer([
        ("status", .choice(["undeliverable"])), ("email", .string), ("reason", .string), ("reported_at", .timestamp),
    ]).nullable.described("What is wrong with notifications_email; null for no known problem")
    private static let organizationMembers: [Property] = [
        ("organization_id", .string), ("organization_name", .string), ("logo_url", Schema.string.nullable),
        ("account_type", .choice(of: Tier.self)),
        ("credit_count", Schema.integer().described("Credits available now")),
        ("effective_monthly_credit_cap", Schema.integer().nullable),
        ("onboarding_answers", nothing), ("metadata", .map(.anything)),
        ("billing_email", Schema.string.nullable), ("notifications_email", Schema.string.nullable),
        ("notifications_email_delivery_status", Schema.deliveryStatus),
        ("rate_limits", .rateLimitsAnswer), ("auto_billing_enabled", .boolean),
        ("billing_cycle_start", .integer(1...31)), ("current_month_usage", .integer(0...Int64.max)),
        ("created_at", .timestamp), ("updated_at", .timestamp), ("users", .array(.user)),
        ("default_llm_credentials", .map(.string)), ("nsfw_check_enabled", .boolean), ("nsfw_fail_closed", .boolean),
    ]
    static let organization = named("Organization", answer(organizationMembers))
    static let privateOrganization = named(
        "PrivateOrganization",
        answer(
            organizationMembers + [
                ("internal_id", .string), ("infrastructure", Schema.map(.anything).nullable),
                ("plane", .choice(["SHARED", "DEDICATED"])), ("rate_limits_set", .map(.integer())),
                ("rate_limit_overrides", .map(.integer())), ("monthly_credit_cap", Schema.integer().nullable),
                ("purchased_credits", .integer()), ("held_credits", .integer()), ("allowance_used", .integer()),
                ("period_start", .timestamp), ("period_end", .timestamp),
            ]))

    /// The fields that an organization's admin may change.
    static func organizationChanges(rateLimitCeiling: Int) -> [Property] {
        [
            ("organization_name", .displayName(1...200)), ("logo_url", .webURL), ("billing_email", .email),
            ("notifications_email", .mailbox), ("metadata", .jsonObject),
            ("rate_limit_overrides", .rateLimits(ceiling: rateLimitCeiling)),
            (
                "default_llm_credentials",
                Schema.map(.text(1...200), names: .text(1...100), maximumCount: OrganizationLimits.credentials)
                    .described("LLM provider → name of a secret that exists")
            ),
            ("nsfw_check_enabled", .boolean), ("nsfw_fail_closed", .boolean),
        ]
    }

    static let usageMembers: [Property] = [
        ("credits", .integer(0...Int64.max)), ("bytes", .integer(0...Int64.max)), ("uploads", .integer(0...Int64.max)),
    ]
}
