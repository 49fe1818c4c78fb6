import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("Deliveries", .service(WebhookClient.settings))
struct WebhookDeliveryTests {
    private static let path = WebhookClient.path

    /// The event must be written by the commit itself: what is written after it is lost by a crash in between.
    @Test("An event survives the death of the service between commit and delivery, and keeps its identifier")
    func killed() throws {
        let service = try Service(settings: WebhookClient.settings)
        let (tenant, receiver) = (try service.makeTenant(), try Receiver { _ in .silence })
        let hook = try WebhookClient(tenant, receiver.url)
        let upload = try tenant.accepted(Sample.text)
        // Under way, and without an answer: its claim dies with the service.
        let first = try #require(receiver.wait(for: 1).first)
        try service.kill()
        receiver.answer { _ in .status(200) }
        try service.start()
        let second = try #require(receiver.wait(for: 2).last)
        #expect(second.eventID == first.eventID && second.body == first.body)
        #expect(try second.json["subject"] == .string(upload))
        #expect(try hook.wait(for: 1, "delivered").count == 1)
        try service.stop()
    }

    @Test("A service that stops ends its transfers at once, and sends the events when it is back")
    func stopped() throws {
        let service = try Service(settings: WebhookClient.settings)
        let (tenant, receiver) = (try service.makeTenant(), try Receiver { _ in .silence })
        let hook = try WebhookClient(tenant, receiver.url, ["timeout": 30])
        _ = try tenant.accepted(Sample.text)
        _ = try receiver.wait(for: 1)
        #expect(try service.stop().status == .exited(0))
        receiver.answer { _ in .status(200) }
        try service.start()
        // Being stopped was no attempt.
        #expect(try hook.wait(for: 1, "delivered").first?["attempts"] == 1)
        try service.stop()
    }

    @Test("A receiver that was away gets everything when it is back, with the failures shown until then")
    func away() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(tenant, receiver.url)
        receiver.close()
        let uploads = try (0..<5).map { _ in try tenant.accepted(Sample.text) }
        var health = try hook.health()
        for _ in 0..<500 where (health["consecutive_failures"].int ?? 0) < 3 {
            pause(milliseconds: 20)
            health = try hook.health()
        }
        #expect((health["consecutive_failures"].int ?? 0) >= 3)
        #expect(health["last_failure_cause"].string == "connection_failed: no connection was made")
        #expect(health["first_failure_at"].string != nil)
        try receiver.reopen()
        let told = try receiver.wait(for: 5)
        #expect(Set(try told.map { try $0.json["subject"].string }) == Set(uploads))
        _ = try hook.wait(for: 5, "delivered")
        #expect(try hook.health()["consecutive_failures"] == 0)
    }

    @Test(
        "An answer that is no success is a failure that says what came, and is tried again",
        arguments: [
            (.status(500, body: "out\u{1b}[2J of order"), 500, "the answer was 500"),
            (.status(404), 404, "the answer was 404"),
            (.status(302, headers: "Location: http://127.0.0.1:1/\r\n"), 302, "is a redirect, which is not followed"),
            (.status(200, body: String(repeating: "x", count: 100_000)), nil, "answer_too_large"),
            (.status(200, headers: String(repeating: "X-A: b\r\n", count: 10_000)), nil, "answer_too_large"),
            (.hangUp, nil, "broken_answer"),
            (.trickle(then: "no HTTP\r\n", pauseMilliseconds: 10), nil, "broken_answer"),
            (.silence, nil, "timed_out"),
            (.trickle("HTTP/1.1 200 OK\r\n\r\n", then: "x", pauseMilliseconds: 100), nil, "timed_out"),
            (.trickle("HTTP/1.1 200 OK\r\nX-A: ", then: "x", pauseMilliseconds: 100), nil, "timed_out"),
        ] as [(Receiver.Reply, Int?, String)])
    func failures(reply: Receiver.Reply, status: Int?, error: String) throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let isFirst = Atomic(true)
        receiver.answer { _ in
            isFirst.exchange(false, ordering: .sequentiallyConsistent) ? reply : .silence
        }
        let hook = try WebhookClient(tenant, receiver.url, ["timeout": 1])
        _ = try tenant.accepted(Sample.text)
        var delivery: JSON = [:]
        for _ in 0..<1_500 {
            delivery = try #require(hook.deliveries().first)
            if delivery["attempts"].int == 1 { break }
            pause(milliseconds: 5)
        }
        #expect(delivery["status"] == "pending" && delivery["attempts"] == 1, "\(delivery)")
        #expect(delivery["response_status"].int == status)
        #expect(delivery["last_error"].string?.contains(error) == true, "\(delivery)")
        if status == 500 { #expect(delivery["response_excerpt"] == "out.[2J of order") }
        receiver.answer { _ in .status(200) }
        let done = try #require(hook.wait(for: 1, "delivered").first)
        #expect((done["attempts"].int ?? 0) >= 2 && done["last_error"] == .null)
        #expect(Set(receiver.messages.map(\.eventID)).count == 1)
    }

    @Test("After its time is over an event has failed, and is sent once more when that is asked for")
    func givenUp() throws {
        let settings = WebhookClient.settings.merging(["PORTCULLIS_WEBHOOK_GIVE_UP_SECONDS": "1"]) { $1 }
        let service = try Service(settings: settings)
        let (tenant, receiver) = (try service.makeTenant(), try Receiver { _ in .status(503) })
        let hook = try WebhookClient(tenant, receiver.url)
        _ = try tenant.accepted(Sample.text)
        let failed = try #require(hook.wait(for: 1, "failed").first)
        #expect(failed["response_status"] == 503 && failed["next_attempt_at"] == .null)
        #expect((failed["attempts"].int ?? 0) >= 1)
        receiver.answer { _ in .status(200) }
        let target = "\(Self.path)/\(hook.id)/deliveries/\(failed["delivery_id"].string ?? "")/redeliver"
        let repeated = try tenant.send(HTTPRequest("POST", target))
        #expect(repeated.status == 200)
        #expect(try repeated.json["event_id"] == failed["event_id"])
        #expect(try repeated.json["delivery_id"] != failed["delivery_id"])
        let done = try #require(hook.wait(for: 1, "delivered").first)
        #expect(try done["delivery_id"] == repeated.json["delivery_id"])
        let unknown = target.replacing(failed["delivery_id"].string ?? "-", with: "dlv_0000000000000000")
        #expect(try tenant.send(HTTPRequest("POST", unknown)).summary == "404 not_found")
        let metrics = try service.sendPrivately(HTTPRequest("GET", "/metrics")).text
        #expect(metrics.contains("portcullis_webhook_deliveries_total{status=\"failed\"} 1"))
        #expect(metrics.contains("portcullis_webhook_pending 0"))
        try service.stop()
    }

    /// Claims take of each subject only the oldest: without that, the retry of the first event would come after the
    /// second one had arrived.
    @Test("Events about one thing come in their order, also where the first ones fail at first")
    func order() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let failures = Mutex<[String: Int]>([:])
        receiver.answer { message in
            let count = failures.withLock { seen in
                seen[message.eventID, default: 0] += 1
                return seen[message.eventID] ?? 0
            }
            return count <= 2 ? .status(500) : .status(200)
        }
        _ = try WebhookClient(tenant, receiver.url, events: ["organization.updated"])
        for index in 0..<6 { #expect(try tenant.patch(["organization_name": .string("Name \(index)")]).status == 200) }
        let messages = try receiver.wait(for: 18)
        let sequences = try messages.map { try $0.json["sequence"].int ?? 0 }
        #expect(sequences == sequences.sorted() && Set(sequences).count == 6)
    }

    @Test("A target that does not answer holds up neither uploads nor the events of others")
    func deadTarget() throws {
        let (slow, other) = (try Service.tenant(), try Service.tenant())
        let (dead, alive) = (try Receiver { _ in .silence }, try Receiver())
        let hook = try WebhookClient(slow, dead.url, ["timeout": 30])
        let second = try WebhookClient(slow, alive.url, name: "alive")
        _ = try WebhookClient(other, alive.url)
        let uploads = try (0..<10).map { _ in try slow.accepted(Sample.text) }
        _ = try dead.wait(for: 4)
        // All of these are through while the first ones still hang.
        let others = try (0..<10).map { _ in try other.accepted(Sample.text) }
        let told = try alive.wait(for: 20).map { try $0.json["subject"].string }
        #expect(Set(told) == Set(uploads + others))
        #expect(try second.wait(for: 10, "delivered").count == 10)
        let waiting = try hook.deliveries()
        #expect(waiting.count == 10 && waiting.allSatisfy { $0["status"] == "pending" && $0["attempts"] == 0 })
        // No more than its share is under way.
        #expect(dead.messages.count == 4)
        #expect(try slow.delete("\(Self.path)/\(hook.id)").status == 204)
    }

    // A health that is reset does not help what waits hours for its next attempt.
    @Test("A webhook that gets another target gets at once what waited for the old one")
    func movedTarget() throws {
        let settings = WebhookClient.settings.merging(["PORTCULLIS_WEBHOOK_RETRY_BASE_MILLISECONDS": "3600000"]) { $1 }
        let service = try Service(settings: settings)
        let (tenant, broken) = (try service.makeTenant(), try Receiver { _ in .status(500) })
        let hook = try WebhookClient(tenant, broken.url)
        _ = try tenant.accepted(Sample.text)
        for _ in 0..<1_500 where try hook.deliveries().first?["attempts"] != 1 { pause(milliseconds: 10) }
        #expect(try hook.deliveries().first?["attempts"] == 1)
        let good = try Receiver()
        let change = HTTPRequest("PUT", "\(Self.path)/\(hook.id)", json: WebhookClient.body(good.url))
        #expect(try tenant.send(change).status == 200)
        #expect(try good.wait(for: 1).first?.eventID == broken.messages.first?.eventID)
        #expect(try hook.wait(for: 1, "delivered").first?["attempts"] == 2)
        try service.stop()
    }

    // An answer that comes late is a success: no failure is counted, and nothing is paused.
    @Test("Two organizations whose targets answer late do not keep every transfer to themselves")
    func slowTargets() throws {
        let service = try Service(settings: WebhookClient.settings)
        let (other, alive) = (try service.makeTenant(), try Receiver())
        let hook = try WebhookClient(other, alive.url)
        // Now it is known to be quick.
        _ = try other.accepted(Sample.text)
        _ = try hook.wait(for: 1, "delivered")
        let slow = try Receiver { _ in .silence }
        let tenants = try (0..<2).map { _ in try service.makeTenant() }
        for tenant in tenants {
            for index in 0..<4 { _ = try WebhookClient(tenant, slow.url, name: "hook\(index)", ["timeout": 30]) }
            for _ in 0..<5 { _ = try tenant.accepted(Sample.text) }
        }
        _ = try slow.wait(for: 8)
        for _ in 0..<5 { _ = try other.accepted(Sample.text) }
        _ = try alive.wait(for: 6)
        // Of the 16 a quarter is kept from them: half is for slow ones, and some were only found to be slow meanwhile.
        #expect((8...12).contains(slow.messages.count))
        try service.stop()
    }

    @Test("A name that leads to this machine is refused when it is connected to, whatever was checked before")
    func rebinding() throws {
        let receiver = try Receiver()
        // Plain http for the name alone would let any address pass; a block of other addresses lets none.
        let service = try Service(settings: [
            "PORTCULLIS_WEBHOOK_RETRY_BASE_MILLISECONDS": "50", "PORTCULLIS_WEBHOOK_ALLOWED_HOSTS": "10.0.0.0/8",
        ])
        let tenant = try service.makeTenant()
        let hook = try WebhookClient(tenant, "https://localhost:\(receiver.port)/")
        _ = try tenant.accepted(Sample.text)
        var delivery: JSON = [:]
        for _ in 0..<1_000 where (delivery["attempts"].int ?? 0) == 0 {
            delivery = try #require(hook.deliveries().first)
            pause(milliseconds: 10)
        }
        #expect(delivery["last_error"].string?.hasPrefix("host_not_reachable") == true, "\(delivery)")
        #expect(receiver.messages.isEmpty)
        try service.stop()
    }

    @Test("A thousand events within a minute all arrive, once each")
    func flood() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(tenant, receiver.url)
        let sent = Mutex(0)
        let results = Concurrent.run(4) { _ in
            let connection = try tenant.service.connect()
            while sent.withLock({ count in
                defer { count += 1 }
                return count < 1_000
            }) {
                let request = HTTPRequest(
                    "POST", Tenant.target(filename: "a.txt"), headers: [("Content-Type", "text/plain")],
                    body: .bytes(Sample.text))
                #expect(try connection.exchange(request.authorized(by: tenant.key)).status == 201)
            }
        }
        for result in results { try result.get() }
        let messages = try receiver.wait(for: 1_000, seconds: 120)
        #expect(Set(messages.map(\.eventID)).count == 1_000)
        _ = try hook.wait(for: 1_000, "delivered")
        #expect(try hook.deliveries("?status=failed") == [])
    }
}
