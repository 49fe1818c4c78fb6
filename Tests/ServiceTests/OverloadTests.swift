import TestSupport
import Testing

// An upload waits for a millisecond at most: with one at the only worker, the turn of any other would come too late.
@Suite("More than can be checked in time", .service(["PORTCULLIS_QUEUE_WAIT_MILLISECONDS": "1"]))
struct OverloadTests {
    @Test("What cannot be checked in time is refused before its body, and costs nothing")
    func refusal() throws {
        let tenant = try Service.tenant()
        let picture = try Repository.fixture(Sample.safeJPEG)
        // Until the worker is ready nobody waits for it.
        let isReady = try Concurrent.eventually {
            try tenant.upload(picture + Array("\(Moment.after(seconds: 0))".utf8), filename: "p.jpg").json["scan_state"]
                == "scanned"
        }
        #expect(isReady)
        let before = try tenant.credits()
        var (accepted, refused): ([HTTPResponse], [HTTPResponse]) = ([], [])
        // On a busy machine a millisecond may pass before the idle worker is given the one that has a place.
        for round in 0..<10 where accepted.isEmpty || refused.isEmpty {
            let answers = try Concurrent.run(16) { index in
                try tenant.upload(picture + [UInt8(index), UInt8(round)], filename: "p.jpg")
            }.map { try $0.get() }
            accepted += answers.filter { $0.status == 201 }
            refused += answers.filter { $0.summary == "503 overloaded" }
            #expect(accepted.count + refused.count == 16 * (round + 1), "\(answers.map(\.summary))")
        }
        #expect(!accepted.isEmpty && !refused.isEmpty)
        for answer in refused {
            #expect(answer["Retry-After"].flatMap { Int($0) } ?? 0 >= 1)
            #expect(try answer.json["error"]["type"] == "ServiceUnavailableError")
        }
        #expect(try tenant.credits() == before - accepted.count)
    }

    @Test("Where the gate does not apply, nobody waits for it")
    func ungated() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
        let picture = try Repository.fixture(Sample.safeJPEG)
        let answers = try Concurrent.run(16) { index in
            try tenant.upload(picture + [UInt8(index)], filename: "p.jpg")
        }.map { try $0.get() }
        #expect(answers.allSatisfy { $0.status == 201 })
    }
}
