internal import Domain

extension Organization {
    /// In the order in which `decode` takes them; the table is called `o`.
    static let columns = """
        o.internal_id, o.id, o.name, o.logo_url, o.billing_email, o.notifications_email, o.metadata, o.tier, \
        o.infrastructure, o.rate_limits, o.rate_limit_overrides, o.default_llm_credentials, o.nsfw_check_enabled, \
        o.nsfw_fail_closed, o.monthly_allowance, o.auto_billing_enabled, o.billing_cycle_start, o.created_at, \
        o.updated_at, o.read_auditing_enabled, o.notifications_email_status
        """

    static func decode(_ row: inout Row) throws(DatabaseError) -> Organization {
        var organization = Organization(
            internalID: try row.value(), id: try row.value(), name: try row.text(), logoURL: try row.optionalText(),
            billingEmail: try row.optionalText(), notificationsEmail: try row.optionalText(),
            metadata: try row.object(), tier: try row.value(), infrastructure: try row.optionalObject(),
            rateLimits: try decodeRateLimits(try row.object()),
            rateLimitOverrides: try decodeRateLimits(try row.object()),
            defaultLLMCredentials: try decodeCredentials(try row.object()),
            gate: GateSettings(checkEnabled: try row.bool(), failClosed: try row.bool()),
            monthlyAllowanceOverride: decodeAllowance(try row.optionalInteger()),
            autoBillingEnabled: try row.bool(), billingCycleStart: try row.int(), createdAt: try row.timestamp(),
            updatedAt: try row.timestamp())
        organization.readAuditingEnabled = try row.bool()
        organization.notificationsEmailStatus = try row.optionalObject()
        return organization
    }

    /// The columns that an update writes, from `name` to `notifications_email_status`.
    var mutableColumns: [SQLValue] {
        [
            .init(name), .init(logoURL), .init(billingEmail), .init(notificationsEmail), .init(metadata), .init(tier),
            .init(infrastructure), .init(Self.encode(rateLimits)), .init(Self.encode(rateLimitOverrides)),
            .init(encodedCredentials), .init(gate.checkEnabled), .init(gate.failClosed),
            Self.encode(monthlyAllowanceOverride), .init(autoBillingEnabled), .init(billingCycleStart),
            .init(updatedAt), .init(readAuditingEnabled),
            .init(notificationsEmailStatus),
        ]
    }

    private static func encode(_ limits: RateLimitOverrides) -> JSONObject {
        var object = JSONObject()
        for category in RateLimitCategory.allCases {
            object[category.rawValue] = limits.limits[category].map { .integer(Int64($0)) }
        }
        return object
    }

    private static func decodeRateLimits(_ object: JSONObject) throws(DatabaseError) -> RateLimitOverrides {
        var limits = RateLimitOverrides()
        for (name, value) in object {
            guard let category = RateLimitCategory(rawValue: name), let limit = value.integerValue else {
                throw .invalidRow("the rate limit \(name): \(value.encoded)")
            }
            limits.limits[category] = Int(limit)
        }
        return limits
    }

    private var encodedCredentials: JSONObject {
        var object = JSONObject()
        for (provider, secret) in defaultLLMCredentials.sorted(by: { $0.key < $1.key }) {
            object[provider.text] = .string(secret.text)
        }
        return object
    }

    private static func decodeCredentials(_ object: JSONObject) throws(DatabaseError) -> [ExactString: ExactString] {
        var credentials: [ExactString: ExactString] = [:]
        for (provider, secret) in object {
            guard let name = secret.stringValue else {
                throw .invalidRow("the credential of the provider \(provider) is \(secret.kindName)")
            }
            credentials[ExactString(provider)] = ExactString(name)
        }
        return credentials
    }

    /// NULL where the tier's own allowance applies, -1 for unlimited, else the credits.
    private static func encode(_ allowance: MonthlyAllowance?) -> SQLValue {
        switch allowance {
        case nil: .null
        case .unlimited: .integer(-1)
        case .limited(let credits): .integer(credits)
        }
    }

    static func decodeAllowance(_ value: Int64?) -> MonthlyAllowance? {
        value.map { $0 < 0 ? .unlimited : .limited($0) }
    }
}
