import Database
import Domain
import Endpoints
import HTTP

/// What an organization has and what it spends, all of it from the ledger.
struct BillingEndpoints: Sendable {
    private let store: TenantStore

    init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        let base = "/v1/organizations/billing"
        routes.add(
            .get, base + "/balance", to: &router, needs: .read, category: .metadata, describedBy: Descriptions.balance
        ) { _, caller throws(Failure) in try balance(caller) }
        routes.add(
            .get, base + "/usage/current", to: &router, needs: .read, category: .metadata,
            describedBy: Descriptions.currentUsage
        ) { _, caller throws(Failure) in try currentUsage(caller) }
        routes.add(
            .get, base + "/usage/breakdown", to: &router, needs: .read, category: .metadata,
            describedBy: Descriptions.breakdown
        ) { request, caller throws(Failure) in try breakdown(request, caller) }
    }

    private struct Account: Sendable {
        let organization: Organization
        let balance: CreditBalance
        let used: CreditUsage
    }

    private func account(
        _ caller: Caller, now: Timestamp, in transaction: any Transaction
    ) throws(DatabaseError) -> Account? {
        let id = caller.organization.internalID
        guard let organization = try transaction.organizations.find(id),
            let balance = try transaction.credits.balance(of: id, now: now)
        else { return nil }
        return Account(
            organization: organization, balance: balance,
            used: try transaction.credits.usage(of: id, in: balance.period))
    }

    private static let burnDays: Int64 = 7

    private func balance(_ caller: Caller) throws(Failure) -> Response {
        let now = store.time.now()
        let lately = BillingPeriod(start: now.adding(seconds: -Self.burnDays * 86_400), end: now)
        let read = try store.read { transaction throws(DatabaseError) -> (Account, CreditUsage)? in
            guard let account = try account(caller, now: now, in: transaction) else { return nil }
            return (account, try transaction.credits.usage(of: caller.organization.internalID, in: lately))
        }
        guard let (account, burnt) = read else { throw Failure.organizationDeleted }
        let available = account.balance.presentedAvailable
        let tier = account.organization.tier
        let isEndless = account.balance.available == nil || account.balance.autoBillingEnabled
        let daysRemaining = burnt.credits > 0 && !isEndless ? max(0, available) * Self.burnDays / burnt.credits : nil
        return Response(
            json: [
                "organization_id": .string(account.organization.id.rawValue), "credit_balance": .integer(available),
                "account_tier": .string(tier.rawValue), "next_tier": JSONValue(tier.next?.rawValue),
                "credits_until_next_tier": JSONValue(
                    tier == .free ? max(0, Tier.proBalance - available) : nil),
                "estimated_days_remaining": JSONValue(daysRemaining),
                "daily_burn_rate": .number(Double(burnt.credits) / Double(Self.burnDays)),
            ])
    }

    private func currentUsage(_ caller: Caller) throws(Failure) -> Response {
        let now = store.time.now()
        let read = try store.read { transaction throws(DatabaseError) in
            try account(caller, now: now, in: transaction)
        }
        guard let account = read else { throw Failure.organizationDeleted }
        let (balance, period) = (account.balance, account.balance.period)
        let percent = balance.allowance.map { allowance in
            allowance > 0 ? Double(balance.allowanceUsed) * 100 / Double(allowance) : 100
        }
        return Response(
            json: [
                "current_month_usage": .integer(account.used.credits),
                "billing_month": .string(period.month), "billing_period_start": JSONValue(period.start),
                "billing_period_end": JSONValue(period.end), "estimated_cost_usd": .number(0),
                "credit_rate": .number(0),
                "auto_billing_enabled": .bool(balance.autoBillingEnabled), "next_invoice_date": JSONValue(period.end),
                "plan_usage": [
                    "product": "managed", "tier": .string(account.organization.tier.rawValue),
                    "plan_name": .string(account.organization.tier.rawValue), "monthly_minimum_cents": 0,
                    "period_start": JSONValue(period.start), "period_end": JSONValue(period.end),
                    "objects_processed": .integer(account.used.uploads), "object_cap": nil, "vectors_stored": nil,
                    "vectors_stored_complete": true, "vector_cap": nil, "usage_pct": JSONValue(percent),
                    "cap_state": .string(Self.capState(percent)),
                ],
                "usage_v2": nil, "slack_invite": nil,
            ])
    }

    private static func capState(_ percent: Double?) -> String {
        guard let percent else { return "ok" }
        return percent >= 100 ? "exceeded" : percent >= 80 ? "warning" : "ok"
    }

    private func breakdown(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        let cycleStart = caller.organization.billingCycleStart
        let month = query.string("billing_month", length: 1...20)
        let asked = month.flatMap { BillingPeriod(month: $0, cycleStart: cycleStart) }
        if month != nil, asked == nil {
            query.reject("billing_month", "month", "is not a month of the form 2026-01")
        }
        try query.finish()
        let (id, now) = (caller.organization.internalID, store.time.now())
        let read = try store.read { transaction throws(DatabaseError) -> (BillingPeriod, Breakdown)? in
            guard let current = try transaction.credits.balance(of: id, now: now)?.period else { return nil }
            let period = asked ?? current
            return (period, try Breakdown(of: id, in: period, transaction))
        }
        guard let (period, breakdown) = read else { throw Failure.organizationDeleted }
        return Response(json: breakdown.presentation(of: period))
    }
}

/// What a period's credits went into.
private struct Breakdown: Sendable {
    let total: CreditUsage
    let byDimension: [UsageDimension: [(name: String, usage: CreditUsage)]]

    init(of id: InternalID, in period: BillingPeriod, _ transaction: any Transaction) throws(DatabaseError) {
        total = try transaction.credits.usage(of: id, in: period)
        var parts: [UsageDimension: [(name: String, usage: CreditUsage)]] = [:]
        for dimension in UsageDimension.allCases {
            parts[dimension] = try transaction.credits.usage(of: id, by: dimension, in: period)
        }
        byDimension = parts
    }

    func presentation(of period: BillingPeriod) -> JSONValue {
        let uploads: JSONValue = total.credits > 0 ? ["upload": .integer(total.credits)] : [:]
        return [
            "billing_month": .string(period.month), "total_credits": .integer(total.credits),
            "total_cost_usd": .number(0), "by_operation": uploads, "by_extractor": [:], "by_namespace": [:],
            "by_retriever": [:], "by_resource_kind": uploads, "by_storage_class": [:], "pending_credits": .number(0),
            "pending_by_operation": [:], "by_bucket": credits(by: .bucket), "by_media_type": credits(by: .mediaType),
            "by_api_key": credits(by: .key), "total_bytes": .integer(total.bytes),
            "total_uploads": .integer(total.uploads), "period_start": JSONValue(period.start),
            "period_end": JSONValue(period.end),
        ]
    }

    private func credits(by dimension: UsageDimension) -> JSONValue {
        var object = JSONObject()
        for (name, usage) in byDimension[dimension] ?? [] { object[name] = .integer(usage.credits) }
        return .object(object)
    }
}

extension BillingPeriod {
    /// The month in which it begins: `2026-01`.
    var month: String { String(start.iso8601.prefix(7)) }

    /// The period that begins in a month, nil for anything but `2026-01`.
    init?(month: String, cycleStart: Int) {
        guard month.utf8.count == 7, let first = Timestamp(iso8601: month + "-01T00:00:00Z") else { return nil }
        let date = first.date
        let last = CivilDate(
            year: date.year, month: date.month, day: CivilDate.days(inMonth: date.month, of: date.year))
        self.init(containing: last.startOfDay, cycleStart: cycleStart)
        guard end <= .latest else { return nil }
    }
}

extension Tier {
    fileprivate var next: Tier? {
        switch self {
        case .free: .pro
        case .pro: .team
        case .team: .enterprise
        case .enterprise: nil
        }
    }
}

extension BillingEndpoints {
    enum Descriptions {
        private static let tag = "Billing"
        private static let credits = Schema.map(.integer(0...Int64.max))

        private static let nothing = Schema.anything.nullable.described("Always null; for the official SDK's model")
        private static let planUsage = Schema.answer([
            ("product", .string), ("tier", .choice(of: Tier.self)), ("plan_name", .string),
            ("monthly_minimum_cents", .integer()), ("period_start", .timestamp), ("period_end", .timestamp),
            ("objects_processed", .integer(0...Int64.max)), ("object_cap", nothing), ("vectors_stored", nothing),
            ("vectors_stored_complete", .boolean), ("vector_cap", nothing), ("usage_pct", Schema.number.nullable),
            ("cap_state", .choice(["ok", "warning", "exceeded"])),
        ])

        static let balance = EndpointDescription(
            "get_credit_balance_organizations_billing", tag: tag, "Read what is available now.",
            answer: .named(
                "CreditBalance",
                .answer([
                    ("organization_id", .string), ("credit_balance", .integer()),
                    ("account_tier", .choice(of: Tier.self)),
                    ("next_tier", Schema.choice(of: Tier.self).nullable),
                    ("credits_until_next_tier", Schema.integer().nullable),
                    ("estimated_days_remaining", Schema.integer().nullable),
                    ("daily_burn_rate", Schema.number.described("Credits per day, over the last 7 days")),
                ])))

        static let currentUsage = EndpointDescription(
            "get_current_usage_organizations_billing", tag: tag,
            "Read what the current billing period has used. The service sets no price: costs are 0.",
            answer: .named(
                "CurrentUsage",
                .answer([
                    ("current_month_usage", .integer(0...Int64.max)), ("billing_month", .string),
                    ("billing_period_start", .timestamp), ("billing_period_end", .timestamp),
                    ("estimated_cost_usd", .number), ("credit_rate", .number), ("auto_billing_enabled", .boolean),
                    ("next_invoice_date", .timestamp), ("plan_usage", planUsage),
                    ("usage_v2", nothing), ("slack_invite", nothing),
                ])))

        static let breakdown = EndpointDescription(
            "get_usage_breakdown_organizations_billing", tag: tag, "Read what a billing period's credits went into.",
            answer: .named(
                "UsageBreakdown",
                .answer([
                    ("billing_month", .string), ("total_credits", .integer(0...Int64.max)),
                    ("total_cost_usd", .number), ("by_operation", credits), ("by_extractor", credits),
                    ("by_namespace", credits),
                    ("by_retriever", credits), ("by_resource_kind", credits), ("by_storage_class", credits),
                    ("pending_credits", .number), ("pending_by_operation", credits), ("by_bucket", credits),
                    ("by_media_type", credits),
                    ("by_api_key", credits), ("total_bytes", .integer(0...Int64.max)),
                    ("total_uploads", .integer(0...Int64.max)), ("period_start", .timestamp),
                    ("period_end", .timestamp),
                ]))
        )
        .filtered(by: [
            .init(
                "billing_month", .matching("^[0-9]{4}-(0[1-9]|1[0-2])$", length: 7...7),
                "The month in which the period begins; the current period without it.")
        ])
    }
}
