import Foundation
import TestSupport
import Testing

@Suite("Billing and usage", .service())
struct BillingTests {
    private static let billing = "/v1/organizations/billing"

    @Test("What is available is one number, wherever it is shown, and at once after every upload")
    func balance() throws {
        let tenant = try Service.tenant()
        for uploads in 0...2 {
            let expected = JSON.number(Double(100_000 - uploads * 2))
            #expect(try tenant.get("/v1/organizations").json["credit_count"] == expected)
            #expect(try tenant.get(Self.billing + "/balance").json["credit_balance"] == expected)
            #expect(try tenant.get("/v1/organizations/credits").json["credit_count"] == expected)
            _ = try tenant.accepted(Sample.noise(1_500_000, seed: UInt64(uploads)))
        }
        let balance = try tenant.get(Self.billing + "/balance").json
        #expect(balance["organization_id"] == .string(tenant.id))
        #expect(balance["account_tier"] == "pro" && balance["next_tier"] == "team")
        #expect(balance["daily_burn_rate"].double.map { abs($0 - 6.0 / 7) < 1e-9 } == true)
        #expect(balance["estimated_days_remaining"].int == 99_994 * 7 / 6)
    }

    @Test("A free organization is told how far it is to the next tier, and is raised when it gets there")
    func tiers() throws {
        let tenant = try Service.tenant(tier: "free")
        let balance = try tenant.get(Self.billing + "/balance").json
        #expect(balance["next_tier"] == "pro" && balance["credits_until_next_tier"] == 99_000)
        #expect(try tenant.patchPrivately(["credits": 99_000]).status == 200)
        #expect(try tenant.get("/v1/organizations").json["account_type"] == "pro")
        let raised = try tenant.get("/v1/organizations/audit/logs?action=tier_upgraded").json
        #expect(raised["total"] == 1)
        #expect(
            raised["results"][0]["changes"] == ["before": ["account_type": "free"], "after": ["account_type": "pro"]])
        let granted = try tenant.get("/v1/organizations/audit/logs?action=credits_granted").json["results"][0]
        #expect(granted["changes"]["before"] == ["purchased_credits": 0])
        #expect(granted["changes"]["after"] == ["purchased_credits": 99_000, "credits": 99_000])
    }

    @Test("Credits that an organization grants itself are refused, unless the operator allows it")
    func selfService() throws {
        let tenant = try Service.tenant()
        let request = HTTPRequest("POST", "/v1/organizations/credits", json: ["credits": 5])
        let refused = try tenant.send(request)
        #expect(refused.summary == "403 not_enabled")
        #expect(try refused.json["error"]["type"] == "NotEnabledError")
        #expect(try tenant.credits() == 100_000)

        let service = try Service(settings: ["PORTCULLIS_SELF_SERVICE_CREDITS": "true"])
        let allowed = try service.makeTenant(tier: "free")
        #expect(try allowed.send(request).json["credit_count"] == 1_005)
        for body: JSON in [["credits": 0], ["credits": -5], ["credits": "5"], [:], ["credits": 5, "tier": "pro"]] {
            let answer = try allowed.send(HTTPRequest("POST", "/v1/organizations/credits", json: body))
            #expect(answer.summary == "422 validation_error", "\(body)")
        }
        let raised = try allowed.send(HTTPRequest("POST", "/v1/organizations/credits", json: ["credits": 999_000]))
        #expect(try raised.json["account_type"] == "team")
        try service.stop()
    }

    @Test("The current period's usage, and what it went into")
    func currentUsage() throws {
        let tenant = try Service.tenant(["billing_cycle_start": 31])
        _ = try tenant.accepted(Sample.noise(1_500_000))
        _ = try tenant.upload(fixture: Sample.safePNG)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        let usage = try tenant.get(Self.billing + "/usage/current").json
        #expect(usage["current_month_usage"] == 3)
        #expect(usage["plan_usage"]["objects_processed"] == 2)
        let (start, end) = (usage["billing_period_start"].string ?? "", usage["billing_period_end"].string ?? "")
        let now = Date.now.formatted(.iso8601)
        #expect(start < now && now < end && end.hasSuffix("T00:00:00.000Z"))
        #expect(usage["next_invoice_date"].string == end)

        let month = try #require(usage["billing_month"].string)
        #expect(start.hasPrefix(month))
        for query in ["", "?billing_month=\(month)"] {
            let breakdown = try tenant.get(Self.billing + "/usage/breakdown" + query).json
            #expect(breakdown["total_credits"] == 3 && breakdown["by_operation"] == ["upload": 3])
            #expect(breakdown["by_bucket"] == ["default": 3])
            #expect(breakdown["by_media_type"]["image/png"] == 1)
            #expect(breakdown["by_api_key"].keys.count == 1)
            #expect(breakdown["period_start"].string == start && breakdown["period_end"].string == end)
        }
        #expect(try tenant.get(Self.billing + "/usage/breakdown?billing_month=2020-02").json["total_credits"] == 0)
        for bad in ["9999-12", "2020-13", "2020", "02-2020", "2020-2", "2020-02-01"] {
            let answer = try tenant.get(Self.billing + "/usage/breakdown?billing_month=\(bad)")
            #expect(answer.summary == "422 validation_error", "\(bad)")
        }
    }

    @Test("A period that is used up says so")
    func capState() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 4])
        var states: [String?] = []
        for seed in 0..<4 {
            _ = try tenant.accepted(Sample.noise(1_000, seed: UInt64(seed)))
            states.append(try tenant.get(Self.billing + "/usage/current").json["plan_usage"]["cap_state"].string)
        }
        #expect(states == ["ok", "ok", "ok", "exceeded"])
    }

    @Test("Usage in any time, by organization and by key")
    func usage() throws {
        let tenant = try Service.tenant()
        let second = try tenant.service.makeKey(
            organization: tenant.id, email: tenant.email, permissions: ["write"])
        let post = HTTPRequest("POST", Tenant.target(filename: "n.bin"), body: .bytes(Sample.noise(2_000_000)))
        #expect(try tenant.service.send(post, key: second["key"].string).status == 201)
        _ = try tenant.accepted(Sample.text)
        #expect(try tenant.upload(fixture: Sample.nsfwPNG).status == 422)

        let all = try tenant.get("/v1/organizations/usage").json
        #expect(all["credits"] == 3 && all["uploads"] == 2 && all["uploads_rejected"] == 1)
        #expect(all["bytes"].int == 2_000_000 + Sample.text.count)
        #expect(all["daily"].array.count == 1 && all["daily"][0]["credits"] == 3)
        let past = try tenant.get("/v1/organizations/usage?start=2020-01-01&end=2020-02-01T00:00:00Z").json
        #expect(past["credits"] == 0 && past["daily"] == [] && past["start"] == "2020-01-01T00:00:00.000Z")

        let id = try #require(second["key_id"].string)
        let key = try tenant.get("/v1/organizations/api-keys/\(id)/usage").json
        #expect(key["credits"] == 2 && key["uploads"] == 1 && key["key_id"] == .string(id))
        let other = try Service.tenant()
        #expect(try other.get("/v1/organizations/api-keys/\(id)/usage").summary == "404 not_found")
        for query in [
            "start=9999-12-31T23:59:59.999Z", "start=9999-12-31T23:59:59-14:00",
            "start=x", "start=2020-02-01&end=2020-01-01", "end=2020-02-30", "start=2020-01-01T00:00:00", "days=7",
        ] {
            #expect(try tenant.get("/v1/organizations/usage?\(query)").summary == "422 validation_error", "\(query)")
        }
    }

    // The key's row goes with its user, while what was uploaded with it stays in the ledger and in the breakdown.
    @Test("The usage of a deleted user's key is still told")
    func usageOfDeletedKeys() throws {
        let tenant = try Service.tenant()
        let user: JSON = ["email": "gone@example.org", "user_name": "Gone"]
        #expect(try tenant.send(HTTPRequest("POST", "/v1/organizations/users", json: user)).status == 200)
        let key = try tenant.service.makeKey(organization: tenant.id, email: "gone@example.org", permissions: ["write"])
        let post = HTTPRequest("POST", Tenant.target(filename: "n.bin"), body: .bytes(Sample.noise(1_500_000)))
        #expect(try tenant.service.send(post, key: key["key"].string).status == 201)
        #expect(try tenant.delete("/v1/organizations/users/gone@example.org").status == 200)
        let id = try #require(key["key_id"].string)
        let usage = try tenant.get("/v1/organizations/api-keys/\(id)/usage")
        #expect(usage.status == 200, "\(usage.text)")
        #expect(try usage.json["credits"] == 2 && usage.json["uploads"] == 1 && usage.json["name"] == .null)
        let past = try tenant.get("/v1/organizations/api-keys/\(id)/usage?start=2020-01-01&end=2020-02-01")
        #expect(try past.json["credits"] == 0)
        let other = try Service.tenant()
        #expect(try other.get("/v1/organizations/api-keys/\(id)/usage").summary == "404 not_found")
    }
}
