import TestSupport
import Testing

// A bucket of N requests per minute gains one every 60/N seconds: the tests use so few that none is gained meanwhile.
@Suite("Rate limits", .service())
struct RateLimitTests {
    @Test("Exactly as many requests as the limit says pass, then 429 says when to come back")
    func exactLimit() throws {
        let tenant = try Service.tenant(rateLimits: ["upload": 4])
        for used in 1...4 {
            let answer = try tenant.upload(Sample.text)
            #expect(answer.status == 201)
            #expect(answer["X-RateLimit-Limit"] == "4")
            #expect(answer["X-RateLimit-Remaining"] == "\(4 - used)")
            #expect(answer["X-RateLimit-Window"] == "60")
            #expect(answer["X-RateLimit-Reset"].flatMap { Int($0) } ?? 0 > 1_700_000_000)
        }
        let credits = try tenant.credits()
        let refused = try tenant.upload(Sample.text)
        #expect(refused.summary == "429 rate_limit_exceeded")
        #expect(refused["X-RateLimit-Remaining"] == "0")
        let seconds = try #require(refused["Retry-After"].flatMap { Int($0) })
        #expect((1...60).contains(seconds))
        let error = try refused.json["error"]
        #expect(error["type"] == "TooManyRequestsError")
        #expect(error["details"]["limit"] == 4)
        #expect(error["details"]["window"] == 60)
        #expect(error["details"]["retry_after_seconds"].int == seconds)
        #expect(error["details"]["api_name"].string?.isEmpty == false)
        #expect(try tenant.credits() == credits)
    }

    @Test("Categories have their own limits")
    func categories() throws {
        let tenant = try Service.tenant(
            rateLimits: ["metadata": 3, "data": 2, "search": 1, "upload": 4, "compute": 5])
        let id = try tenant.accepted(Sample.text)
        let limits = try [
            tenant.get("/v1/organizations"), tenant.get("/v1/uploads/\(id)"), tenant.get("/v1/uploads"),
            tenant.upload(Sample.text),
        ].map { $0["X-RateLimit-Limit"] }
        #expect(limits == ["3", "2", "1", "4"])
        #expect(try tenant.get("/v1/uploads").summary == "429 rate_limit_exceeded")
        #expect(try tenant.get("/v1/uploads/\(id)/content").status == 200)
        #expect(try tenant.delete("/v1/uploads/\(id)").summary == "429 rate_limit_exceeded")
        #expect(try tenant.upload(Sample.text).status == 201)
    }

    @Test(
        "Each tier has its own defaults",
        arguments: [("free", "5"), ("pro", "30"), ("team", "50"), ("enterprise", "250")])
    func tierDefaults(tier: String, uploads: String) throws {
        let tenant = try Service.tenant(tier: tier, rateLimits: [:])
        #expect(try tenant.upload(Sample.text)["X-RateLimit-Limit"] == uploads)
    }

    @Test("An organization's overrides lie over its tier's limits, and each PATCH replaces them")
    func overrides() throws {
        let tenant = try Service.tenant(rateLimits: [:])
        #expect(try tenant.patch(["rate_limit_overrides": ["upload": 77]]).status == 200)
        let first = try tenant.get("/v1/organizations").json["rate_limits"]
        #expect(first == ["metadata": 100, "data": 60, "search": 60, "upload": 77, "compute": 30])
        #expect(try tenant.upload(Sample.text)["X-RateLimit-Limit"] == "77")

        #expect(try tenant.patch(["rate_limit_overrides": ["search": 9]]).status == 200)
        let second = try tenant.get("/v1/organizations").json["rate_limits"]
        #expect(second == ["metadata": 100, "data": 60, "search": 9, "upload": 30, "compute": 30])
    }

    @Test("A request that another check refuses uses up nothing")
    func refusalsAreFree() throws {
        let tenant = try Service.tenant(rateLimits: ["upload": 2, "metadata": 50], ["monthly_credit_cap": 1])
        let reader = try tenant.makeKey("read")
        for _ in 0..<4 {
            let post = HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
            #expect(try tenant.service.send(post, key: reader).summary == "403 forbidden")
            #expect(try tenant.upload(Sample.noise(1_500_000)).summary == "402 insufficient_credits")
        }
        #expect(try tenant.upload(Sample.text).status == 201)
    }

    @Test("Concurrent requests do not exceed the limit together")
    func concurrentRequests() throws {
        let tenant = try Service.tenant(rateLimits: ["upload": 5])
        let summaries = try Concurrent.run(20) { _ in try tenant.upload(Sample.text).summary }.map { try $0.get() }
        #expect(summaries.filter { $0 == "201" }.count == 5)
        #expect(summaries.filter { $0 == "429 rate_limit_exceeded" }.count == 15)
    }
}
