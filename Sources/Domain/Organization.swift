/// Where an organization's content lives. The gate applies on the shared plane only.
package enum Plane: String, Sendable {
    case shared = "SHARED"
    case dedicated = "DEDICATED"
}

/// An organization's wishes for the NSFW gate.
package struct GateSettings: Hashable, Sendable {
    package var checkEnabled: Bool
    package var failClosed: Bool
    package init(checkEnabled: Bool = true, failClosed: Bool = false) {
        self.checkEnabled = checkEnabled
        self.failClosed = failClosed
    }
}

/// A tenant.
package struct Organization: Hashable, Sendable {
    package let internalID: InternalID
    package let id: OrganizationID
    package var name: String
    package var logoURL: String?
    package var billingEmail: String?
    package var notificationsEmail: String?
    package var metadata: JSONObject
    package var tier: Tier
    /// nil means the shared plane; any object, even an empty one, means a dedicated one. Only the private endpoints
    /// read or write it.
    package var infrastructure: JSONObject?
    /// Limits that the operator set in place of the tier's own.
    package var rateLimits: RateLimitOverrides
    /// Limits that the organization's admin set, over the operator's.
    package var rateLimitOverrides: RateLimitOverrides
    /// LLM provider → name of the secret that holds its credential.
    package var defaultLLMCredentials: [ExactString: ExactString]
    package var gate: GateSettings
    /// Set by the operator in place of the tier's allowance.
    package var monthlyAllowanceOverride: MonthlyAllowance?
    package var autoBillingEnabled: Bool
    /// Day of the month, 1...31, on which the billing period begins.
    package var billingCycleStart: Int
    /// Whether reads are recorded in the audit log, too.
    package var readAuditingEnabled: Bool
    /// What is known of the health of `notificationsEmail`; nil for no known problem.
    package var notificationsEmailStatus: JSONObject?
    package let createdAt: Timestamp
    package var updatedAt: Timestamp

    package init(
        internalID: InternalID, id: OrganizationID, name: String, logoURL: String? = nil, billingEmail: String? = nil,
        notificationsEmail: String? = nil, metadata: JSONObject = [:], tier: Tier = .free,
        infrastructure: JSONObject? = nil, rateLimits: RateLimitOverrides = .init(),
        rateLimitOverrides: RateLimitOverrides = .init(), defaultLLMCredentials: [ExactString: ExactString] = [:],
        gate: GateSettings = .init(), monthlyAllowanceOverride: MonthlyAllowance? = nil,
        autoBillingEnabled: Bool = false, billingCycleStart: Int = 1, readAuditingEnabled: Bool = false,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.internalID = internalID
        self.id = id
        self.name = name
        self.logoURL = logoURL
        self.billingEmail = billingEmail
        self.notificationsEmail = notificationsEmail
        self.metadata = metadata
        self.tier = tier
        self.infrastructure = infrastructure
        self.rateLimits = rateLimits
        self.rateLimitOverrides = rateLimitOverrides
        self.defaultLLMCredentials = defaultLLMCredentials
        self.gate = gate
        self.monthlyAllowanceOverride = monthlyAllowanceOverride
        self.autoBillingEnabled = autoBillingEnabled
        self.billingCycleStart = billingCycleStart
        self.readAuditingEnabled = readAuditingEnabled
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    package var plane: Plane { infrastructure == nil ? .shared : .dedicated }

    /// Tier defaults, with the operator's limits over them, with the organization's overrides over those.
    package var effectiveRateLimits: RateLimits {
        tier.rateLimits.merging(rateLimits).merging(rateLimitOverrides)
    }

    package var monthlyAllowance: MonthlyAllowance { monthlyAllowanceOverride ?? tier.monthlyAllowance }

    package var gatePolicy: GatePolicy { GatePolicy(plane: plane, settings: gate) }
}

/// What the gate reads about an organization, at the moment of a check.
package struct GatePolicy: Hashable, Sendable {
    package var plane: Plane
    package var settings: GateSettings
    package init(plane: Plane, settings: GateSettings) {
        self.plane = plane
        self.settings = settings
    }
}
