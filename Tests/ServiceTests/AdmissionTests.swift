import TestSupport
import Testing

@Suite("Refusals before the body", .service())
struct AdmissionTests {
    private static let mebibyte: Int64 = 1_048_576

    private func post(_ bytes: Int64, expecting: Bool = true) -> HTTPRequest {
        let request = HTTPRequest("POST", Tenant.target(filename: "big.bin"), body: .zeros(length: bytes))
        return expecting ? request.adding("Expect", "100-continue") : request
    }

    @Test("A client that asks first and will be accepted gets 100 Continue, then 201")
    func continues() throws {
        let tenant = try Service.tenant()
        let answer = try tenant.send(post(Self.mebibyte))
        #expect(answer.status == 201)
        #expect(answer.continues == 1)
    }

    @Test("A client that asks first never sends a body that will be refused")
    func refusedBeforeContinue() throws {
        let poor = try Service.tenant(["monthly_credit_cap": 1])
        let free = try Service.tenant(tier: "free")
        let limited = try Service.tenant(rateLimits: ["upload": 1])
        #expect(try limited.upload(Sample.text).status == 201)
        let reader = try poor.makeKey("read")
        let service = try Service.current
        let refusals: [(String, HTTPResponse)] = [
            ("401 unauthorized", try service.send(post(2 * Self.mebibyte))),
            ("401 unauthorized", try service.send(post(2 * Self.mebibyte), key: "sk_unknown")),
            ("403 forbidden", try service.send(post(2 * Self.mebibyte), key: reader)),
            ("402 insufficient_credits", try poor.send(post(2 * Self.mebibyte))),
            ("413 payload_too_large", try free.send(post(100 * Self.mebibyte + 1))),
            ("429 rate_limit_exceeded", try limited.send(post(Self.mebibyte))),
        ]
        for (expected, answer) in refusals {
            #expect(answer.summary == expected)
            #expect(answer.continues == 0, "\(expected)")
            #expect(answer.bodyBytesSent == 0, "\(expected)")
        }
    }

    @Test("A client that just sends gets the refusal, not a reset")
    func stubbornClient() throws {
        let poor = try Service.tenant(["monthly_credit_cap": 1])
        let size = 20 * Self.mebibyte
        for _ in 0..<3 {
            let answer = try poor.send(post(size, expecting: false), .stubborn)
            #expect(answer.summary == "402 insufficient_credits")
            #expect(answer.bodyBytesSent == size)
        }
        let answer = try Service.current.send(post(size, expecting: false), key: "sk_unknown", .stubborn)
        #expect(answer.summary == "401 unauthorized")
        #expect(try poor.credits() == 1)
    }

    @Test("The largest file of each tier", arguments: [("free", 100), ("pro", 5 * 1024), ("enterprise", 50 * 1024)])
    func fileLimit(tier: String, mebibytes: Int64) throws {
        let tenant = try Service.tenant(tier: tier)
        let tooLarge = try tenant.send(post(mebibytes * Self.mebibyte + 1))
        #expect(tooLarge.summary == "413 payload_too_large")
        #expect(try tooLarge.json["error"]["type"] == "PayloadTooLargeError")

        // The largest file itself is let in: 100 Continue is the answer to its headers.
        let connection = try tenant.service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "big.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nExpect: 100-continue\r\n"
                + "Content-Length: \(mebibytes * Self.mebibyte)\r\n\r\n")
        #expect(try connection.readResponse(to: "POST").status == 100)
    }

    @Test("A refused client may go on with another request")
    func refusedClientGoesOn() throws {
        let poor = try Service.tenant(["monthly_credit_cap": 1])
        #expect(try poor.send(post(2 * Self.mebibyte)).status == 402)
        #expect(try poor.upload(Sample.text).status == 201)
    }

    @Test("A connection serves several requests in turn")
    func keepAlive() throws {
        let tenant = try Service.tenant()
        let connection = try tenant.service.connect()
        for number in 0..<5 {
            let request = HTTPRequest(
                "POST", Tenant.target(filename: "n.bin"), body: .bytes(Sample.noise(10_000, seed: UInt64(number))))
            #expect(try connection.exchange(request.authorized(by: tenant.key)).status == 201)
            let list = try connection.exchange(HTTPRequest("GET", "/v1/uploads").authorized(by: tenant.key))
            #expect(try list.json["results"].array.count == number + 1)
        }
    }
}
