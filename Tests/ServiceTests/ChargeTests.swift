import Foundation
import TestSupport
import Testing

@Suite("Charging", .service())
struct ChargeTests {
    static let mebibyte = 1_048_576

    @Test(
        "An upload costs one credit per started MiB, and the balance says so at once",
        arguments: [(1, 1), (1_000, 1), (mebibyte, 1), (mebibyte + 1, 2), (2 * mebibyte, 2), (5 * mebibyte / 2, 3)])
    func cost(bytes: Int, credits: Int) throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        #expect(before == 100_000)
        let answer = try tenant.upload(Sample.noise(bytes))
        #expect(answer.status == 201)
        #expect(try answer.json["credits_charged"].int == credits)
        #expect(try tenant.credits() == before - credits)
    }

    @Test("A multipart upload is charged for its file and not for its frame")
    func multipartFrame() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let form = MultipartForm().adding("metadata", "{}")
            .adding("file", Sample.noise(2 * Self.mebibyte), filename: "two-mib.bin")
        let answer = try tenant.send(form.request())
        #expect(answer.status == 201)
        #expect(try answer.json["credits_charged"] == 2)
        #expect(try tenant.credits() == before - 2)
    }

    @Test("A body of unknown length is charged for what came")
    func chunkedBody() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let chunks = (0..<5).map { Sample.noise(Self.mebibyte / 2, seed: UInt64($0)) }
        let answer = try tenant.send(HTTPRequest("POST", Tenant.target(filename: "c.bin"), body: .chunks(chunks)))
        #expect(answer.status == 201)
        let upload = try answer.json
        #expect(upload["file_size_bytes"].int == 5 * Self.mebibyte / 2)
        #expect(upload["file_hash"] == .string(try Digest.sha256(Array(chunks.joined()))))
        #expect(upload["credits_charged"] == 3)
        #expect(try tenant.credits() == before - 3)
        let id = try #require(upload["upload_id"].string)
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == Array(chunks.joined()))
    }

    @Test("A body of unknown length that outgrows the credits is refused and costs nothing")
    func chunkedBodyOutgrowsCredits() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 3])
        let chunks = (0..<8).map { Sample.noise(Self.mebibyte, seed: UInt64($0)) }
        let answer = try tenant.send(HTTPRequest("POST", Tenant.target(filename: "c.bin"), body: .chunks(chunks)))
        #expect(answer.summary == "402 insufficient_credits")
        #expect(try tenant.credits() == 3)
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
    }

    @Test("Without enough credits the answer says what is required, what there is, and until when")
    func insufficientCredits() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 2])
        let answer = try tenant.upload(Sample.noise(3 * Self.mebibyte))
        #expect(answer.summary == "402 insufficient_credits")
        let error = try answer.json["error"]
        #expect(error["type"] == "PaymentRequiredError")
        #expect(error["details"]["required"] == 3)
        #expect(error["details"]["available"] == 2)
        #expect(error["details"]["period_end"].string?.hasSuffix("Z") == true)
        #expect(try tenant.credits() == 2)
        #expect(try tenant.upload(Sample.noise(2 * Self.mebibyte)).status == 201)
        #expect(try tenant.upload(Sample.text).summary == "402 insufficient_credits")
    }

    @Test("Concurrent uploads never spend more than there is")
    func neverOverspent() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 5])
        let answers = Concurrent.run(16) { try tenant.upload(Sample.noise(1_000, seed: UInt64($0))).summary }
        let summaries = try answers.map { try $0.get() }
        #expect(summaries.filter { $0 == "201" }.count == 5)
        #expect(summaries.filter { $0 == "402 insufficient_credits" }.count == 11)
        #expect(try tenant.credits() == 0)
    }

    @Test(
        "What is small and not scanned is paid for as it is entered: never overspent, refused with nothing left behind",
        arguments: [false, true])
    func paidOnEntry(isForm: Bool) throws {
        let service = try Service()
        let tenant = try service.makeTenant(
            rateLimits: ["metadata": 9000, "data": 9000, "search": 9000, "upload": 20, "compute": 9000],
            ["monthly_credit_cap": 5, "nsfw_check_enabled": false])
        let answers = Concurrent.run(16) { number in
            let content = Sample.noise(1_000, seed: UInt64(number))
            guard isForm else { return try tenant.upload(content) }
            return try tenant.send(MultipartForm().adding("file", content, filename: "a.bin").request())
        }
        let outcomes = try answers.map { try $0.get() }
        #expect(outcomes.filter { $0.status == 201 }.count == 5)
        let refused = outcomes.filter { $0.summary == "402 insufficient_credits" }
        #expect(refused.count == 11)
        let details = try #require(try refused.first?.json["error"]["details"])
        #expect(details["required"] == 1 && details["available"] == 0)
        #expect(details["period_end"].string?.hasSuffix("Z") == true)
        #expect(try tenant.credits() == 0)
        #expect(try tenant.get("/v1/uploads").json["results"].array.count == 5)
        // A refusal by one check consumes nothing of another: none of these meets the rate limit.
        for _ in 0..<12 { #expect(try tenant.upload(Sample.text).summary == "402 insufficient_credits") }
        let checked = try service.command("verify", "--content")
        #expect(checked.status == .exited(0), "\(checked.outputText)")
    }

    @Test(
        "A repeat of what was paid for as it was entered is charged once, and a held upload beside it keeps its credits"
    )
    func paidOnEntryBesideHolds() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 3, "nsfw_check_enabled": false])
        let connection = try tenant.service.connect()
        try connection.send(
            "POST /v1/uploads?filename=a.bin HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                + "Content-Length: 2000000\r\n\r\n")
        try connection.send(Sample.noise(1_000_000))
        let isHeld = try Concurrent.eventually { try tenant.credits() == 1 }
        #expect(isHeld)
        #expect(try tenant.upload(Sample.text).status == 201)
        #expect(try tenant.upload(Sample.text).summary == "402 insufficient_credits")
        try connection.send(Sample.noise(1_000_000))
        #expect(try connection.readResponse(to: "POST").status == 201)
        #expect(try tenant.credits() == 0)
        _ = try tenant.patchPrivately(["credits": 2])
        let request = HTTPRequest(
            "POST", Tenant.target(filename: "k.txt"), headers: [("Idempotency-Key", "k1")], body: .bytes(Sample.text))
        for _ in 0..<3 { #expect(try tenant.send(request).status == 201) }
        #expect(try tenant.credits() == 1)
    }

    @Test(
        "Without credits nothing of a body is written, whatever its size", arguments: [30_000, 33_000, 36_864, 50_000])
    func unpaidWritesNothing(bytes: Int) throws {
        let service = try Service()
        let tenant = try service.makeTenant(["monthly_credit_cap": 1, "nsfw_check_enabled": false])
        _ = try tenant.accepted(Sample.text)
        func changed() throws -> Date? {
            try FileManager.default.attributesOfItem(atPath: service.dataDirectory + "/spool")[.modificationDate]
                as? Date
        }
        let before = try #require(try changed())
        for seed in 0..<3 {
            #expect(try tenant.upload(Sample.noise(bytes, seed: UInt64(seed))).summary == "402 insufficient_credits")
        }
        #expect(try changed() == before)
        _ = try tenant.patchPrivately(["credits": 1])
        #expect(try tenant.upload(Sample.noise(bytes)).status == 201)
        #expect((try changed() == before) == (bytes <= 32_768), "else it proves nothing")
    }

    @Test("An upload that its client breaks off costs nothing and leaves nothing")
    func disconnect() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        do {
            let connection = try tenant.service.connect()
            try connection.send(
                "POST /v1/uploads?filename=a.bin HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                    + "Content-Length: 3000000\r\n\r\n")
            try connection.send(Sample.noise(1_000_000))
            let isHeld = try Concurrent.eventually { try tenant.credits() < before }
            #expect(isHeld, "an upload in flight holds credits")
        }
        let isReleased = try Concurrent.eventually { try tenant.credits() == before }
        #expect(isReleased)
        let isClean = Concurrent.eventually { tenant.service.spoolFiles.isEmpty }
        #expect(isClean, "\(tenant.service.spoolFiles)")
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
    }

    @Test("Granted credits are spent after the month's allowance")
    func grantedCredits() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 1])
        let answer = try tenant.patchPrivately(["credits": 2])
        #expect(answer.status == 200)
        #expect(try tenant.credits() == 3)
        for remaining in [2, 1, 0] {
            #expect(try tenant.upload(Sample.text).status == 201)
            #expect(try tenant.credits() == remaining)
        }
        #expect(try tenant.upload(Sample.text).summary == "402 insufficient_credits")
    }

    @Test("Deleting an upload gives nothing back")
    func deletionRefundsNothing() throws {
        let tenant = try Service.tenant()
        let id = try tenant.accepted(Sample.text)
        let credits = try tenant.credits()
        #expect(try tenant.delete("/v1/uploads/\(id)").status == 204)
        #expect(try tenant.credits() == credits)
    }

    @Test("The same content twice is two uploads and two charges")
    func sameContentTwice() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let first = try tenant.accepted(Sample.text)
        let second = try tenant.accepted(Sample.text)
        #expect(first != second)
        #expect(try tenant.credits() == before - 2)
        #expect(try tenant.delete("/v1/uploads/\(first)").status == 204)
        #expect(try tenant.get("/v1/uploads/\(second)/content").body == Sample.text)
    }
}
