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

    @Test("Of 64 requests at the same time, a limit of 50 lets exactly 50 through")
    func exactUnderConcurrency() throws {
        // A token comes back every 1.2 s. Whoever is slower than that sees one more pass, and no more than that.
        for attempt in 1...5 {
            let tenant = try Service.tenant(rateLimits: ["metadata": 50])
            let start = ContinuousClock.now
            let statuses = try Concurrent.run(64) { _ in try tenant.get("/v1/organizations").status }
                .map { try $0.get() }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let passed = statuses.filter { $0 == 200 }.count
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 429 })
            #expect((50...50 + Int(seconds / 1.2)).contains(passed), "\(passed) passed in \(seconds) s")
            if seconds < 1.2 { return }
            if attempt == 5 { Issue.record("64 requests took \(seconds) s: too slow to count exactly") }
        }
    }

    @Test("Every category is exact under concurrency, and none takes from another")
    func exactInEveryCategory() throws {
        let limits: JSON = ["metadata": 6, "data": 5, "search": 4, "upload": 3, "compute": 2]
        let tenant = try Service.tenant(rateLimits: limits)
        let id = try tenant.accepted(Sample.text)
        let requests: [(String, HTTPRequest, Int)] = [
            ("metadata", HTTPRequest("GET", "/v1/organizations"), 6),
            ("data", HTTPRequest("GET", "/v1/uploads/\(id)"), 5), ("search", HTTPRequest("GET", "/v1/uploads"), 4),
            // One was used for the upload above.
            ("upload", HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text)), 2),
            ("compute", HTTPRequest("POST", "/v1/uploads/\(id)/rescan"), 2),
        ]
        for (category, request, expected) in requests {
            let answers = try Concurrent.run(16) { _ in try tenant.send(request) }.map { try $0.get() }
            let refused = answers.filter { $0.status == 429 }
            #expect(answers.count - refused.count == expected, "\(category)")
            for answer in refused {
                #expect(try answer.json["error"]["details"]["api_name"] == .string(category))
                #expect(answer["X-RateLimit-Remaining"] == "0")
                let wait = try #require(answer["Retry-After"].flatMap { Int($0) })
                #expect(try answer.json["error"]["details"]["retry_after_seconds"].int == wait)
            }
        }
    }

    @Test("A raised limit lets requests through at once, a lowered one stops them at once")
    func overridesAtOnce() throws {
        let tenant = try Service.tenant(rateLimits: ["search": 2, "metadata": 100])
        func pass() throws -> Int {
            try (0..<8).map { _ in try tenant.get("/v1/uploads").status }.filter { $0 == 200 }.count
        }
        #expect(try pass() == 2)
        #expect(try tenant.patch(["rate_limit_overrides": ["search": 7]]).status == 200)
        #expect(try pass() == 5)
        #expect(try tenant.patch(["rate_limit_overrides": ["search": 1]]).status == 200)
        #expect(try pass() == 0)
    }
}
