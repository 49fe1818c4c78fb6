import TestSupport
import Testing

@Suite("Failed authentication", .service(["PORTCULLIS_FAILED_AUTHENTICATION_LIMIT": "20"]))
struct FailedAuthenticationTests {
    @Test("Trying keys is limited, on both listeners, and shuts out nobody whose key is good")
    func limited() throws {
        let service = try Service.current
        let tenant = try Service.tenant()
        #expect(try tenant.get("/v1/organizations").status == 200)
        func attempt(_ index: Int) throws -> HTTPResponse {
            // Uploads authenticate on a way of their own.
            let request =
                index.isMultiple(of: 2)
                ? HTTPRequest("GET", "/v1/organizations")
                : HTTPRequest("POST", Tenant.target(filename: "n.txt"), body: .bytes(Sample.text))
            return try service.send(request, key: "sk_guess_\(index)")
        }
        let answers = try (0..<40).map(attempt)
        let refused = answers.filter { $0.status == 429 }
        #expect(answers.filter { $0.status == 401 }.count + refused.count == 40)
        // One is let through again every 3 seconds.
        #expect((10...20).contains(refused.count), "\(refused.count)")
        let last = try #require(refused.last)
        #expect(last.errorCode == "rate_limit_exceeded")
        #expect((1...3).contains(last["Retry-After"].flatMap { Int($0) } ?? 0))
        #expect(try last.json["error"]["details"]["api_name"] == "authentication")

        #expect(try tenant.get("/v1/organizations").status == 200)
        #expect(try tenant.upload(Sample.text).status == 201)
        #expect(try service.send(HTTPRequest("GET", "/v1/health/liveness")).status == 200)

        let guesses = try (0..<40).map { index in
            let request = HTTPRequest("GET", "/v1/private/organizations").authorized(by: "guess-\(index)")
            return try service.connectPrivately().exchange(request).status
        }
        #expect(guesses.contains(429) && guesses.contains(401))
        #expect(try service.sendPrivately(HTTPRequest("GET", "/v1/private/organizations")).status == 200)
    }
}
