import Database
import Domain

/// What of an organization's money its presentation shows.
struct AccountView: Sendable {
    let balance: CreditBalance
    /// Credits captured in the current period.
    let usage: Int64
}

extension CreditBalance {
    /// Credits available now, as an integer that every JSON reader holds exactly: an unlimited allowance shows as
    /// 2^53 − 1.
    var presentedAvailable: Int64 { available ?? 9_007_199_254_740_991 }
}

extension Organization {
    /// The organization as its own members see it. `internal_id` and `infrastructure` are no part of it.
    func publicPresentation(_ account: AccountView, users: [User]) -> JSONObject {
        [
            "organization_id": .string(id.rawValue),
            "organization_name": .string(name),
            "logo_url": JSONValue(logoURL),
            "account_type": .string(tier.rawValue),
            "credit_count": .integer(account.balance.presentedAvailable),
            "effective_monthly_credit_cap": JSONValue(account.balance.allowance),
            "onboarding_answers": nil,
            "metadata": .object(metadata),
            "billing_email": JSONValue(billingEmail),
            "notifications_email": JSONValue(notificationsEmail),
            "notifications_email_delivery_status": JSONValue(notificationsEmailStatus),
            "rate_limits": effectiveRateLimits.presentation,
            "auto_billing_enabled": .bool(autoBillingEnabled),
            "billing_cycle_start": .integer(Int64(billingCycleStart)),
            "current_month_usage": .integer(account.usage),
            "created_at": JSONValue(createdAt),
            "updated_at": JSONValue(updatedAt),
            "users": .array(users.map { .object($0.presentation) }),
            "default_llm_credentials": .object(credentialsObject),
            "nsfw_check_enabled": .bool(gate.checkEnabled),
            "nsfw_fail_closed": .bool(gate.failClosed),
        ]
    }

    /// The organization as the operator sees it, on the private listener only.
    func privatePresentation(_ account: AccountView, users: [User]) -> JSONObject {
        var object = publicPresentation(account, users: users)
        object["internal_id"] = .string(internalID.rawValue)
        object["infrastructure"] = JSONValue(infrastructure)
        object["plane"] = .string(plane.rawValue)
        object["rate_limits_set"] = rateLimits.presentation
        object["rate_limit_overrides"] = rateLimitOverrides.presentation
        object["monthly_credit_cap"] = JSONValue(account.balance.allowance)
        object["purchased_credits"] = .integer(account.balance.purchased)
        object["held_credits"] = .integer(account.balance.held)
        object["allowance_used"] = .integer(account.balance.allowanceUsed)
        object["period_start"] = JSONValue(account.balance.period.start)
        object["period_end"] = JSONValue(account.balance.period.end)
        return object
    }

    /// What an audit event records of the settings, before and after a change.
    var auditView: JSONObject {
        [
            "organization_name": .string(name), "logo_url": JSONValue(logoURL),
            "billing_email": JSONValue(billingEmail), "notifications_email": JSONValue(notificationsEmail),
            "metadata": .object(metadata), "account_type": .string(tier.rawValue),
            "plane": .string(plane.rawValue), "rate_limits": rateLimits.presentation,
            "rate_limit_overrides": rateLimitOverrides.presentation,
            "default_llm_credentials": .object(credentialsObject),
            "nsfw_check_enabled": .bool(gate.checkEnabled), "nsfw_fail_closed": .bool(gate.failClosed),
            "monthly_credit_cap": monthlyAllowanceOverride?.presentation ?? .null,
            "auto_billing_enabled": .bool(autoBillingEnabled),
            "billing_cycle_start": .integer(Int64(billingCycleStart)),
            "read_auditing_enabled": .bool(readAuditingEnabled),
        ]
    }

    private var credentialsObject: JSONObject {
        var object = JSONObject()
        for (provider, secret) in defaultLLMCredentials.sorted(by: { $0.key < $1.key }) {
            object[provider.text] = .string(secret.text)
        }
        return object
    }
}

extension MonthlyAllowance {
    fileprivate var presentation: JSONValue {
        switch self {
        case .limited(let credits): .integer(credits)
        case .unlimited: "unlimited"
        }
    }
}

extension RateLimits {
    var presentation: JSONValue {
        var object = JSONObject()
        for category in RateLimitCategory.allCases { object[category.rawValue] = .integer(Int64(self[category])) }
        return .object(object)
    }
}

extension RateLimitOverrides {
    var presentation: JSONValue {
        var object = JSONObject()
        for category in RateLimitCategory.allCases {
            if let limit = limits[category] { object[category.rawValue] = .integer(Int64(limit)) }
        }
        return .object(object)
    }
}

extension User {
    var presentation: JSONObject {
        [
            "user_id": .string(id.rawValue), "email": .string(email), "user_name": .string(name),
            "role": .string(role.rawValue), "status": .string(status.rawValue), "avatar_url": JSONValue(avatarURL),
            "metadata": .object(metadata), "created_at": JSONValue(createdAt), "updated_at": JSONValue(updatedAt),
        ]
    }
}
