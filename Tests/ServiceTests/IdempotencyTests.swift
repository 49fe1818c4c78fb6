import TestSupport
import Testing

@Suite("Idempotency keys", .service())
struct IdempotencyTests {
    private func post(_ bytes: [UInt8], _ key: String, filename: String = "a.bin") -> HTTPRequest {
        HTTPRequest("POST", Tenant.target(filename: filename), body: .bytes(bytes)).adding("Idempotency-Key", key)
    }

    @Test("A repeat gets the first answer, stores nothing more and costs nothing more")
    func repeats() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let bytes = Sample.noise(1_500_000)
        let first = try tenant.send(post(bytes, "key-1"))
        #expect(first.status == 201)
        for _ in 0..<3 {
            let again = try tenant.send(post(bytes, "key-1"))
            #expect(again.status == 201)
            #expect(try again.json == first.json)
            #expect(again["Location"] == first["Location"] && again["Location"]?.hasPrefix("/v1/uploads/upl_") == true)
            #expect(again["Idempotent-Replayed"] == "true")
        }
        #expect(try tenant.credits() == before - 2)
        #expect(try tenant.get("/v1/uploads").json["results"].array.count == 1)
        let other = try tenant.send(post(bytes, "key-2"))
        #expect(try other.json["upload_id"] != first.json["upload_id"])
        #expect(try tenant.credits() == before - 4)
    }

    @Test("A multipart repeat has another boundary and is the same upload")
    func multipartRepeat() throws {
        let tenant = try Service.tenant()
        let send = {
            let form = MultipartForm().adding("file", Sample.text, filename: "note.txt")
            return try tenant.send(form.request().adding("Idempotency-Key", "form"))
        }
        let first = try send()
        #expect(first.status == 201)
        #expect(try send().json == first.json)
    }

    @Test("The same key with another body is a conflict")
    func conflict() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.send(post(Sample.text, "key")).status == 201)
        let credits = try tenant.credits()
        let answer = try tenant.send(post(Sample.pdf, "key"))
        #expect(answer.summary == "409 idempotency_conflict")
        #expect(try tenant.credits() == credits)
        #expect(try tenant.get("/v1/uploads").json["results"].array.count == 1)
        #expect(tenant.service.spoolFiles.allSatisfy { !$0.contains(tenant.id) })
    }

    @Test("While the first request runs, a repeat is told to come back")
    func inProgress() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let bytes = Sample.noise(100_000)
        let connection = try tenant.service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "a.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nIdempotency-Key: key\r\nContent-Length: \(bytes.count)\r\n\r\n"
        )
        try connection.send(Array(bytes.prefix(50_000)))
        let hasBegun = try Concurrent.eventually { try tenant.credits() < before }
        #expect(hasBegun)
        let repeated = try tenant.send(post(bytes, "key"))
        #expect(repeated.summary == "409 idempotency_in_progress")
        #expect((repeated["Retry-After"].flatMap { Int($0) } ?? 0) > 0)
        try connection.send(Array(bytes.dropFirst(50_000)))
        #expect(try connection.readResponse(to: "POST").status == 201)
        #expect(try tenant.get("/v1/uploads").json["results"].array.count == 1)
    }

    @Test("The gate's refusal is kept, even when the gate would now decide otherwise")
    func refusalIsKept() throws {
        let tenant = try Service.tenant()
        let picture = try Repository.fixture(Sample.nsfwJPEG)
        let first = try tenant.send(post(picture, "picture"))
        #expect(first.summary == "422 nsfw_content_rejected")
        #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
        let again = try tenant.send(post(picture, "picture"))
        #expect(again.summary == "422 nsfw_content_rejected")
        #expect(try again.json["error"]["details"]["upload_id"] == first.json["error"]["details"]["upload_id"])
        #expect(try tenant.send(post(picture, "another")).status == 201)
    }

    // A file that outran its workers is refused like one that cannot be decoded; but on a machine with less to do it may
    // pass, so that the refusal is no verdict.
    @Test("A refusal because of a timeout is not kept: the repeat is checked anew")
    func timeoutIsNotKept() throws {
        let directory = try TemporaryDirectory()
        let hasty = try Service(settings: ["PORTCULLIS_DEADLINE_MILLISECONDS": "1"], in: directory)
        let tenant = try hasty.makeTenant()
        let request = post(try Repository.fixture(Sample.safeJPEG), "picture")
        let first = try tenant.send(request)
        #expect(first.summary == "422 image_unscannable")
        let details = try first.json["error"]["details"]
        #expect(details["retryable"] == .missing && details["gate"]["reason"] == "unscannable")
        let second = try tenant.send(request)
        #expect(try second.json["error"]["details"]["upload_id"] != details["upload_id"])
        #expect(second["Idempotent-Replayed"] == nil)
        try hasty.stop()
        let patient = try Service(in: directory)
        #expect(try patient.send(request, key: tenant.key).status == 201)
        // What the file itself is to blame for stays.
        let broken = post(try Repository.fixture(Sample.truncatedJPEG), "broken")
        let verdict = try patient.send(broken, key: tenant.key)
        #expect(try verdict.json["error"]["details"]["retryable"] == false)
        #expect(try patient.send(broken, key: tenant.key)["Idempotent-Replayed"] == "true")
        try patient.stop()
    }

    @Test("After a restart a repeat gets the first answer; what a crash interrupted runs anew")
    func restart() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let before = try tenant.credits()
        let first = try tenant.send(post(Sample.text, "done"))
        let connection = try service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "a.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nIdempotency-Key: cut\r\nContent-Length: 100000\r\n\r\n")
        try connection.send(Array(Sample.noise(100_000).prefix(50_000)))
        let isInFlight = try Concurrent.eventually { try tenant.credits() < before - 1 }
        #expect(isInFlight)
        try service.kill()
        try service.start()
        let again = try tenant.send(post(Sample.text, "done"))
        #expect(try again.json == first.json && again["Idempotent-Replayed"] == "true")
        #expect(try tenant.send(post(Sample.noise(100_000), "cut")).status == 201)
        #expect(try tenant.credits() == before - 2)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    @Test("A refusal for credits or rate is not kept")
    func passingRefusals() throws {
        let tenant = try Service.tenant(rateLimits: ["upload": 2], ["monthly_credit_cap": 1])
        let bytes = Sample.noise(1_500_000)
        #expect(try tenant.send(post(bytes, "key")).summary == "402 insufficient_credits")
        #expect(try tenant.patchPrivately(["credits": 5]).status == 200)
        #expect(try tenant.send(post(bytes, "key")).status == 201)
        #expect(try tenant.upload(Sample.text).status == 201)
        #expect(try tenant.send(post(bytes, "late")).summary == "429 rate_limit_exceeded")
        #expect(try tenant.patchPrivately(["rate_limits": ["upload": 9_000]]).status == 200)
        #expect(try tenant.send(post(bytes, "late")).status == 201)
    }

    @Test("Organizations do not share keys")
    func separateOrganizations() throws {
        let (one, other) = (try Service.tenant(), try Service.tenant())
        let first = try one.send(post(Sample.text, "shared")).json["upload_id"]
        let second = try other.send(post(Sample.pdf, "shared"))
        #expect(second.status == 201)
        #expect(try second.json["upload_id"] != first)
    }

    @Test("Concurrent requests under one key become one upload")
    func concurrentRepeats() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let bytes = Sample.noise(200_000)
        let summaries = try Concurrent.run(10) { _ in try tenant.send(post(bytes, "key")).summary }.map { try $0.get() }
        #expect(summaries.contains("201"))
        #expect(summaries.allSatisfy { $0 == "201" || $0 == "409 idempotency_in_progress" }, "\(summaries)")
        #expect(try tenant.get("/v1/uploads").json["results"].array.count == 1)
        #expect(try tenant.credits() == before - 1)
    }

    @Test("A key that is empty, too long or unprintable is refused")
    func badKeys() throws {
        let tenant = try Service.tenant()
        for key in ["", String(repeating: "k", count: 1_000), "tab\tkey", "schlüssel"] {
            let answer = try tenant.send(post(Sample.text, key))
            #expect([400, 422].contains(answer.status), "\(key.prefix(20)): \(answer.summary)")
        }
    }
}
