import Foundation
import TestSupport
import Testing

@Suite("Webhooks", .service(WebhookClient.settings))
struct WebhookTests {
    private static let path = WebhookClient.path

    @Test("An accepted upload is told of once, signed, as the API shows it")
    func accepted() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(
            tenant, receiver.url, ["headers": ["X-Token": "t 1", "Authorization": "Bearer b"]])
        let upload = try tenant.accepted(Sample.text)
        let message = try #require(receiver.wait(for: 1).first)
        let event = try message.json
        #expect(message.path == "/hook" && message.headers["content-type"] == "application/json")
        #expect(message.headers["x-token"] == "t 1" && message.headers["authorization"] == "Bearer b")
        #expect(event["type"] == "upload.accepted" && event["subject"] == .string(upload))
        #expect(event["organization_id"] == .string(tenant.id) && event["id"] == .string(message.eventID))
        #expect(try event["data"]["upload"] == tenant.get("/v1/uploads/\(upload)").json)
        #expect(!String(decoding: message.body, as: UTF8.self).contains(tenant.internalID))
        let delivery = try #require(hook.wait(for: 1, "delivered").first)
        #expect(delivery["event_id"] == event["id"] && delivery["attempts"] == 1)
        #expect(delivery["response_status"] == 204 && delivery["last_error"] == .null)
        #expect(message.headers["x-portcullis-delivery"] == delivery["delivery_id"].string)
        // Another organization hears nothing of it.
        pause(milliseconds: 300)
        #expect(receiver.messages.count == 1)
    }

    @Test("The verification of docs/webhooks.md accepts what is sent and refuses what is forged")
    func verification() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(tenant, receiver.url)
        _ = try tenant.accepted(Sample.text)
        let message = try #require(receiver.wait(for: 1).first)
        #expect(message.signature == message.headers["x-mixpeek-signature"])
        let rotated = try tenant.send(HTTPRequest("POST", "\(Self.path)/\(hook.id)/rotate-secret")).json
        let newSecret = try #require(rotated["channels"][0]["configs"]["signing_secret"].string)
        #expect(newSecret != hook.secret)
        _ = try tenant.accepted(Sample.text)
        let second = try #require(receiver.wait(for: 2).last)
        let later = try #require(message.signature.firstMatch(of: /^t=(\d+),v1=([0-9a-f]{64})$/))
        let (seconds, code) = (String(later.1), String(later.2))
        var forged = message.body
        forged[forged.count / 2] ^= 1
        let flipped = String(code.map { $0 == "0" ? "1" : "0" })
        let cases: [(secret: String, signature: String, body: [UInt8], isGood: Bool)] = [
            (hook.secret, message.signature, message.body, true),
            (newSecret, message.signature, message.body, false),
            // After a rotation both secrets are good for a while.
            (hook.secret, second.signature, second.body, true), (newSecret, second.signature, second.body, true),
            (hook.secret, message.signature, forged, false),
            (hook.secret, "t=\(seconds),v1=\(flipped)", message.body, false),
            (hook.secret, "t=\((Int(seconds) ?? 0) + 1),v1=\(code)", message.body, false),
            (hook.secret, "t=\(seconds)", message.body, false), (hook.secret, "v1=\(code)", message.body, false),
            (hook.secret, "", message.body, false), (hook.secret, "t=x,v1=\(code)", message.body, false),
            (hook.secret + "x", message.signature, message.body, false),
            // A recording of a year ago, signed well.
            (hook.secret, "old", message.body, false),
        ]
        let text = try Repository.text("docs/webhooks.md")
        let start = try #require(text.firstRange(of: "```python\n")).upperBound
        let program = text[start...].prefix(upTo: try #require(text[start...].firstRange(of: "\n```")).lowerBound)
        var calls = "\nimport hashlib as _h, hmac as _m, time as _t\n"
        for (secret, signature, body, isGood) in cases {
            let bytes = "bytes.fromhex('\(body.map { String(format: "%02x", $0) }.joined())')"
            var value = "'\(signature)'"
            if signature == "old" {
                let old = "str(int(_t.time()) - 31536000)"
                value =
                    "'t=' + \(old) + ',v1=' + _m.new('\(secret)'.encode(), (\(old) + '.').encode() + \(bytes), "
                    + "_h.sha256).hexdigest()"
            }
            calls += "assert verify('\(secret)', \(value), \(bytes)) is \(isGood ? "True" : "False"), \(value)\n"
        }
        let file = try TemporaryDirectory()
        let script = file.path("verify.py")
        try (String(program) + calls + "print('checked')\n").write(toFile: script, atomically: true, encoding: .utf8)
        let outcome = try ChildProcess.run("/usr/bin/env", ["python3", script])
        #expect(outcome.outputText == "checked\n", "\(outcome.errorText)")
    }

    @Test("What becomes of an upload is told in its order, each time as it is then")
    func lifeOfAnUpload() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let events = [
            "upload.accepted", "upload.rejected", "upload.unscanned", "upload.quarantined", "upload.released",
        ]
        _ = try WebhookClient(tenant, receiver.url, events: events)
        let rejected = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(rejected.status == 422)
        let id = try #require(rejected.json["error"]["details"]["upload_id"].string)
        let release = HTTPRequest("POST", "/v1/private/quarantine/\(id)/release", json: ["reason": "appeal"])
        #expect(try tenant.service.sendPrivately(release).status == 200)
        let told = try receiver.wait(for: 2).map { try $0.json }
        #expect(told.map { $0["type"].string } == ["upload.rejected", "upload.released"])
        #expect(told.allSatisfy { $0["subject"] == .string(id) })
        #expect(told[0]["data"]["upload"]["gate"]["reason"] == "nsfw")
        #expect(told[1]["data"]["upload"]["status"] == "COMPLETED")
    }

    @Test("An upload admitted unscanned is told of as such, and again when its scan is done")
    func debt() throws {
        let service = try Service(settings: WebhookClient.settings)
        let (tenant, receiver) = (try service.makeTenant(), try Receiver())
        let events = ["upload.accepted", "upload.unscanned", "upload.quarantined"]
        _ = try WebhookClient(tenant, receiver.url, events: events)
        try service.setClassifier("down")
        let clean = try tenant.upload(fixture: Sample.safePNG)
        let bad = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(clean.status == 201 && bad.status == 201)
        _ = try receiver.wait(for: 2)
        try service.setClassifier("up")
        let told = try receiver.wait(for: 4).map { try $0.json }
        func kinds(_ answer: HTTPResponse) throws -> [String?] {
            try told.filter { try $0["subject"] == answer.json["upload_id"] }.map { $0["type"].string }
        }
        #expect(try kinds(clean) == ["upload.unscanned", "upload.accepted"])
        #expect(try kinds(bad) == ["upload.unscanned", "upload.quarantined"])
        try service.stop()
    }

    @Test("Reaching 80, 95 and 100 percent of the month's credits is told once each, and settings that change are told")
    func organizationEvents() throws {
        let tenant = try Service.tenant(["monthly_credit_cap": 20])
        let receiver = try Receiver()
        _ = try WebhookClient(tenant, receiver.url, events: ["credits.threshold", "organization.updated"])
        for _ in 0..<20 { _ = try tenant.accepted(Sample.text) }
        let credits = try receiver.wait(for: 3) { $0.kind == "credits.threshold" }.map { try $0.json["data"] }
        #expect(credits.map { $0["threshold_percent"].int } == [80, 95, 100])
        #expect(credits.map { $0["allowance_used"].int } == [16, 19, 20])
        #expect(try tenant.patch(["nsfw_fail_closed": true, "billing_email": "b@example.org"]).status == 200)
        // What changes nothing is no event.
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        try tenant.patchPrivately(["account_type": "team"])
        let set = try tenant.service.command("org", "set", tenant.id, #"{"nsfw_check_enabled":false}"#)
        #expect(set.status == .exited(0), "\(set.errorText)")
        let updates = try receiver.wait(for: 3) { $0.kind == "organization.updated" }.map { try $0.json["data"] }
        #expect(
            updates.map { $0["changed_fields"] } == [
                ["billing_email", "nsfw_fail_closed"], ["account_type"], ["nsfw_check_enabled"],
            ])
        #expect(updates[0]["nsfw_fail_closed"] == ["before": false, "after": true])
        #expect(updates[0]["actor_email"] == .string(tenant.email))
        #expect(updates.map { $0["actor"].string }.dropFirst() == ["operator", "command_line"])
        #expect(updates[2]["nsfw_check_enabled"] == ["before": true, "after": false])
    }

    @Test("The official API's names of events stand for ours")
    func officialNames() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(tenant, receiver.url, events: ["object.created"])
        _ = try tenant.accepted(Sample.text)
        #expect(try receiver.wait(for: 1).first?.kind == "upload.accepted")
        #expect(try tenant.get("\(Self.path)/\(hook.id)").json["event_types"] == ["object.created"])
    }

    @Test("Secrets are shown once: not in answers, not in the log, not in the files")
    func secrecy() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let own = "the-own-secret-\(UInt64.random(in: .min ... .max))"
        let header = "the header value \(UInt64.random(in: .min ... .max))"
        let hook = try WebhookClient(
            tenant, receiver.url, ["signing_secret": .string(own), "headers": ["X-Key": .string(header)]])
        // One that was given is not even shown by the first answer.
        #expect(hook.secret == "redacted")
        let made = try WebhookClient(tenant, receiver.url, name: "other")
        #expect(made.secret.hasPrefix("whsec_") && made.secret.utf8.count == 49)
        _ = try tenant.accepted(Sample.text)
        _ = try receiver.wait(for: 2)
        let answers = try [
            tenant.get("\(Self.path)/\(hook.id)"), tenant.send(HTTPRequest("POST", "\(Self.path)/list", json: [:])),
            tenant.get("\(Self.path)/\(hook.id)/deliveries"), tenant.get("/v1/organizations/audit/logs"),
        ]
        for answer in answers {
            #expect(answer.status == 200)
            for secret in [own, header, made.secret] { #expect(!answer.text.contains(secret)) }
        }
        for secret in [own, header, made.secret] { #expect(!tenant.service.log.contains(secret)) }
        // What other tests upload meanwhile comes and goes in the spool.
        for file in tenant.service.directory.files(below: "data") where !file.contains("/spool/") {
            let bytes = try [UInt8](contentsOf: tenant.service.directory.url(file))
            for secret in [own, header, made.secret] {
                #expect(!bytes.contains(Array(secret.utf8)), "\(file) holds a secret")
            }
        }
    }

    @Test("A webhook is created, read, listed, replaced and deleted, and each change is audited")
    func life() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(tenant, receiver.url, ["headers": ["X-Key": "value"], "timeout": 5])
        let read = try tenant.get("\(Self.path)/hook").json
        #expect(read["webhook_id"] == .string(hook.id) && read["is_active"] == true)
        #expect(read["channels"][0]["configs"]["timeout"] == 5)
        #expect(read["channels"][0]["configs"]["headers"] == ["X-Key": "redacted"])
        let again = try tenant.send(HTTPRequest("POST", Self.path, json: WebhookClient.body(receiver.url)))
        #expect(again.summary == "409 already_exists")
        _ = try WebhookClient(tenant, receiver.url, name: "second", events: ["upload.rejected"])
        func list(_ body: JSON, _ query: String = "") throws -> [String?] {
            let answer = try tenant.send(HTTPRequest("POST", "\(Self.path)/list\(query)", json: body)).json
            return answer["results"].array.map { $0["webhook_name"].string }
        }
        #expect(try list([:]) == ["second", "hook"] && list([:], "?limit=1&page=2") == ["hook"])
        #expect(try list(["event_type": "upload.rejected"]) == ["second"] && list(["is_active": false]) == [])
        // What is shown can be sent back: it keeps what is not shown.
        let change = WebhookClient.body(
            receiver.url, name: "renamed", events: ["upload.accepted", "upload.rejected"],
            ["headers": ["X-Key": "redacted"], "signing_secret": "redacted"])
        let changed = try tenant.send(HTTPRequest("PUT", "\(Self.path)/\(hook.id)", json: change))
        #expect(try changed.status == 200 && changed.json["webhook_name"] == "renamed")
        _ = try tenant.accepted(Sample.text)
        #expect(try receiver.wait(for: 1).first?.headers["x-key"] == "value")
        #expect(try tenant.delete("\(Self.path)/\(hook.id)").status == 204)
        #expect(try tenant.delete("\(Self.path)/\(hook.id)").summary == "404 not_found")
        let logged = try tenant.get("/v1/organizations/audit/logs?resource_type=webhook").json["results"].array
        #expect(
            logged.map { $0["action"].string } == [
                "webhook_deleted", "webhook_updated", "webhook_created", "webhook_created",
            ])
    }

    @Test(
        "What is wrong with a webhook is named",
        arguments: [
            (["webhook_name": ""], "webhook_name"), (["event_types": []], "event_types"),
            (["event_types": ["cluster.created"]], "event_types"), (["event_types": "x"], "event_types"),
            (["resource_types": ["taxonomy"]], "resource_types"), (["channels": []], "channels"),
            (["channels": [["channel": "email", "configs": ["url": "https://example.org"]]]], "channels"),
            (["channels": [["channel": "webhook"]]], "channels"), (["delivery_health": ["a": 1]], "delivery_health"),
            (["internal_id": "int_x"], "internal_id"), (["kind": "x"], "kind"), (["is_active": "yes"], "is_active"),
        ] as [(JSON, String)])
    func refusals(change: JSON, place: String) throws {
        let tenant = try Service.tenant()
        var body = WebhookClient.body("https://example.org/").object
        body.merge(change.object) { $1 }
        let answer = try tenant.send(HTTPRequest("POST", Self.path, json: .object(body)))
        #expect(answer.summary == "422 validation_error", "\(answer.text)")
        #expect(try answer.json["error"]["details"]["validation_errors"][0]["location"][1] == .string(place))
    }

    @Test(
        "What is wrong with a channel is named",
        arguments: [
            ("url", "ftp://example.org/"), ("url", "http://example.org/"), ("url", "https://user:pw@example.org/"),
            ("url", "https://user@example.org/"), ("url", "https://example.org/#x"), ("url", "https://"),
            ("url", "https://example.org:25/"), ("url", "https://10.0.0.1/"), ("url", "https://[::1]/"),
            ("url", "https://[::ffff:127.0.0.1]/"), ("url", "https://0x7f.1/x y"), ("url", "https://169.254.169.254/"),
            ("url", "https://192.168.1"), ("url", "https://0xa000001/"), ("url", "https://012.1/"),
            ("url", "https://[fe80::1%25lo]/"), ("url", "gopher://127.0.0.1/"), ("url", "file:///etc/passwd"),
            ("timeout", 0), ("timeout", 31), ("signing_secret", "short"), ("signing_secret", ""),
            ("payload_template", ["a": 1]), ("headers", ["Host": "x"]), ("headers", ["X-A": "a\r\nX-B: b"]),
            ("headers", ["X-A": ""]), ("headers", ["X-A": "  "]), ("headers", ["X-\u{212a}ey": "x"]),
            ("headers", ["X-A": "1", "x-a": "2"]), ("headers", ["X-Portcullis-Signature": "x"]),
            ("headers", ["X-A\r\nB": "x"]), ("headers", ["X-A": 1]),
        ] as [(String, JSON)])
    func channelRefusals(name: String, value: JSON) throws {
        let tenant = try Service.tenant()
        let body = WebhookClient.body("https://example.org/", [name: value])
        let answer = try tenant.send(HTTPRequest("POST", Self.path, json: body))
        #expect(answer.summary == "422 validation_error", "\(answer.text)")
        let location = try answer.json["error"]["details"]["validation_errors"][0]["location"]
        #expect(location == ["body", "channels", "0", "configs", .string(name)])
    }

    // Whoever may change a webhook may not read its headers' values. Sent to a host of their own they would be read.
    @Test("A header's value that is not shown stays with the server that it was given for")
    func keptHeaders() throws {
        let (tenant, receiver) = (try Service.tenant(), try Receiver())
        let hook = try WebhookClient(
            tenant, receiver.url, ["headers": ["Authorization": "Bearer abc", "X-Key": "value"]])
        func put(_ url: String, _ headers: JSON) throws -> HTTPResponse {
            try tenant.send(
                HTTPRequest(
                    "PUT", "\(Self.path)/\(hook.id)", json: WebhookClient.body(url, ["headers": headers])))
        }
        let port = receiver.port
        for url in [
            "https://127.0.0.1:\(port)/hook", "http://127.0.0.2:\(port)/hook",
            "http://127.0.0.1:\(port == 9_999 ? 9_998 : 9_999)/hook", "https://example.org/",
        ] {
            let refused = try put(url, ["X-Key": "redacted", "Authorization": "Bearer new"])
            #expect(refused.summary == "422 validation_error", "\(url): \(refused.text)")
            let error = try refused.json["error"]["details"]["validation_errors"][0]
            #expect(error["location"] == ["body", "channels", "0", "configs", "headers"])
            #expect(error["message"].string?.contains("X-Key") == true, "\(error)")
        }
        let unknown = try put(receiver.url, ["X-Other": "redacted"])
        #expect(unknown.summary == "422 validation_error" && unknown.text.contains("X-Other"))
        // Another path of the same server, however the names are written.
        let moved = "http://127.0.0.1:\(port)/other"
        #expect(try put(moved, ["authorization": "redacted", "x-key": "redacted"]).status == 200)
        _ = try tenant.accepted(Sample.text)
        let told = try #require(receiver.wait(for: 1).first)
        #expect(told.path == "/other" && told.headers["authorization"] == "Bearer abc")
        #expect(told.headers["x-key"] == "value")
    }

    @Test("Without the operator's key there are no webhooks, and the service says why")
    func notEnabled() throws {
        let service = try Service(settings: ["PORTCULLIS_SECRETS_KEY": ""])
        let tenant = try service.makeTenant()
        let body = WebhookClient.body("https://example.org/")
        #expect(try tenant.send(HTTPRequest("POST", Self.path, json: body)).summary == "403 not_enabled")
        try service.stop()
    }
}
