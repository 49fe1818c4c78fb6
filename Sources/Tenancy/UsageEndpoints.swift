import Database
import Domain
import Endpoints
import HTTP

/// What was uploaded in some time, by the organization or with one of its keys.
struct UsageEndpoints: Sendable {
    private let store: TenantStore

    init(database: any DatabaseDriver, time: any TimeSource) {
        store = TenantStore(database: database, time: time)
    }

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        routes.add(
            .get, "/v1/organizations/usage", to: &router, needs: .read, category: .metadata,
            describedBy: Descriptions.organization
        ) { request, caller throws(Failure) in try organizationUsage(request, caller) }
        routes.add(
            .get, "/v1/organizations/api-keys/{key_id}/usage", to: &router, needs: .read, category: .metadata,
            describedBy: Descriptions.key
        ) { request, caller throws(Failure) in try keyUsage(request, caller) }
    }

    /// From `start` to `end`; of what is absent, the current billing period takes the place.
    private func range(
        _ request: Request, current: BillingPeriod, now: Timestamp
    ) throws(Failure) -> BillingPeriod {
        var query = try ListQuery(request.head)
        let start = query.timestamp("start") ?? current.start
        let end = query.timestamp("end") ?? min(max(now, start).adding(milliseconds: 1), .latest)
        if end <= start { query.reject("end", "range", "is not after start") }
        try query.finish()
        return BillingPeriod(start: start, end: end)
    }

    private func currentPeriod(_ caller: Caller, now: Timestamp) throws(Failure) -> BillingPeriod {
        let id = caller.organization.internalID
        let balance = try store.read { transaction throws(DatabaseError) in
            try transaction.credits.balance(of: id, now: now)
        }
        guard let balance else { throw Failure.organizationDeleted }
        return balance.period
    }

    private func organizationUsage(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let now = store.time.now()
        let period = try range(request, current: try currentPeriod(caller, now: now), now: now)
        let id = caller.organization.internalID
        let (total, days, rejected) = try store.read { transaction throws(DatabaseError) in
            (
                try transaction.credits.usage(of: id, in: period),
                try transaction.credits.dailyUsage(of: id, in: period),
                try transaction.uploads.count(id, status: .rejected, in: period)
            )
        }
        var object = total.presentation
        object["organization_id"] = .string(caller.organization.id.rawValue)
        object["start"] = JSONValue(period.start)
        object["end"] = JSONValue(period.end)
        object["uploads_rejected"] = .integer(Int64(rejected))
        object["daily"] = .array(
            days.map { day, usage in
                var entry = usage.presentation
                entry["date"] = .string(String(day.iso8601.prefix(10)))
                return .object(entry)
            })
        return Response(json: .object(object))
    }

    private func keyUsage(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let now = store.time.now()
        let period = try range(request, current: try currentPeriod(caller, now: now), now: now)
        let name = request.parameters["key_id"] ?? ""
        let id = caller.organization.internalID
        let keyID = KeyID(rawValue: name)
        let read = try store.read { transaction throws(DatabaseError) -> (APIKey?, CreditUsage)? in
            let key = try transaction.apiKeys.find(id, id: keyID)
            // With its user, a key goes for good. What was uploaded with it stays, and is told.
            if key == nil, try transaction.credits.usage(of: id, key: keyID, in: .always).uploads == 0 { return nil }
            return (key, try transaction.credits.usage(of: id, key: keyID, in: period))
        }
        guard let (key, usage) = read else { throw Failure.noKey(name) }
        var object = usage.presentation
        object["key_id"] = .string(keyID.rawValue)
        object["name"] = JSONValue(key?.name)
        object["last_used_at"] = JSONValue(key?.lastUsedAt)
        object["start"] = JSONValue(period.start)
        object["end"] = JSONValue(period.end)
        return Response(json: .object(object))
    }
}

extension BillingPeriod {
    fileprivate static let always = BillingPeriod(start: Timestamp(milliseconds: 0), end: .never)
}

extension CreditUsage {
    fileprivate var presentation: JSONObject {
        ["credits": .integer(credits), "bytes": .integer(bytes), "uploads": .integer(uploads)]
    }
}

extension UsageEndpoints {
    enum Descriptions {
        private static let tag = "Usage"
        private static let range: [EndpointDescription.Parameter] = [
            .init("start", .day, "From then on; the beginning of the billing period without it. A moment or a day."),
            .init("end", .day, "Until before then; now without it."),
        ]
        private static let limits: [Schema.Property] = [("start", .timestamp), ("end", .timestamp)]

        static let organization = EndpointDescription(
            "get_org_usage_organizations", tag: tag, "Read what the organization uploaded.",
            answer: .named(
                "Usage",
                .answer(
                    Schema.usageMembers + limits + [
                        ("organization_id", .string), ("uploads_rejected", .integer(0...Int64.max)),
                        ("daily", .array(.answer([("date", .string)] + Schema.usageMembers))),
                    ]))
        ).filtered(by: range)

        static let key = EndpointDescription(
            "get_key_usage_organizations", tag: tag,
            "Read what was uploaded with a key, be it revoked or deleted meanwhile.",
            answer: .named(
                "KeyUsage",
                .answer(
                    Schema.usageMembers + limits + [
                        ("key_id", .string),
                        ("name", Schema.string.nullable.described("null where the key was deleted with its user")),
                        ("last_used_at", Schema.timestamp.nullable),
                    ]))
        ).filtered(by: range).failing(.notFound)
    }
}

extension Schema {
    /// As `ListQuery.timestamp` takes it, but with the zone as `Z` only.
    static let day = matching(
        #"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)?$"#,
        length: 10...20)
}
