import Database
import Domain
import Endpoints

/// The changes that only the operator may make, on the private listener; the admin's are among them.
struct OperatorUpdate: Sendable {
    private let tenant: OrganizationUpdate
    private let tier: Tier?
    private let rateLimits: RateLimitOverrides?
    private let infrastructure: Explicit<JSONObject>
    private let monthlyAllowance: Explicit<Int64>
    private let autoBillingEnabled: Bool?
    private let billingCycleStart: Int?
    /// Purchased credits to grant.
    let credits: Int64?

    /// Reads the fields of a private create or patch; `fields` is finished by the caller, who may know more of them.
    init(reading fields: inout FieldReader) {
        // The operator sets limits as high as the machine allows.
        tenant = OrganizationUpdate(reading: &fields, rateLimitCeiling: Self.operatorCeiling)
        tier = fields.choice("account_type", of: Tier.self)
        rateLimits = fields.rateLimits("rate_limits", ceiling: Self.operatorCeiling)
        let infrastructureObject = fields.object("infrastructure", maximumBytes: OrganizationLimits.infrastructureBytes)
        infrastructure = Explicit(infrastructureObject, isPresent: fields.has("infrastructure"))
        let cap = fields.integer("monthly_credit_cap", 0...Self.maximumCredits)
        monthlyAllowance = Explicit(cap, isPresent: fields.has("monthly_credit_cap"))
        autoBillingEnabled = fields.bool("auto_billing_enabled")
        billingCycleStart = fields.integer("billing_cycle_start", 1...31).map(Int.init)
        credits = fields.integer("credits", 0...Self.maximumCredits)
    }

    /// Names of secrets that must exist.
    var secretNames: Set<ExactString> { tenant.secretNames }

    func apply(to organization: inout Organization) {
        tenant.apply(to: &organization)
        if let tier { organization.tier = tier }
        if let rateLimits { organization.rateLimits = rateLimits }
        switch infrastructure {
        case .absent: break
        case .null: organization.infrastructure = nil
        case .value(let value): organization.infrastructure = value
        }
        switch monthlyAllowance {
        case .absent: break
        // Back to the tier's own allowance, which for enterprise is unlimited.
        case .null: organization.monthlyAllowanceOverride = nil
        case .value(let value): organization.monthlyAllowanceOverride = .limited(value)
        }
        if let autoBillingEnabled { organization.autoBillingEnabled = autoBillingEnabled }
        if let billingCycleStart { organization.billingCycleStart = billingCycleStart }
    }

    static let operatorCeiling = 1_000_000_000
    static let maximumCredits = CreditLedger.maximumAmount
}
