import Foundation
import TestSupport
import Testing

@Suite("Alerts of the running service", .blocking)
struct AlertTests {
    private static let address = "owner@example.net"

    private func settings(_ receiver: MailReceiver, _ more: [String: String] = [:]) -> [String: String] {
        [
            "PORTCULLIS_SMTP_URL": receiver.url, "PORTCULLIS_SMTP_SENDER": "gate@example.org",
            "PORTCULLIS_ALERT_INTERVAL_SECONDS": "1", "PORTCULLIS_ALERT_OUTAGE_SECONDS": "2",
            "PORTCULLIS_ALERT_RETRY_SECONDS": "1",
        ].merging(more) { $1 }
    }

    private func text(_ mail: JSON) -> String { mail["parts"]["text/plain"].string ?? "" }

    private func mail(_ subject: String, in receiver: MailReceiver) throws -> JSON? {
        try receiver.mails.first { $0["headers"]["Subject"].string?.hasSuffix(subject) == true }
    }

    @Test("An outage, the service's restart in it, its end and what it let in are told, with the right numbers")
    func outage() throws {
        let directory = try TemporaryDirectory()
        let receiver = try MailReceiver(keeping: directory.path("mails"))
        let service = try Service(settings: settings(receiver), in: directory)
        let open = try service.makeTenant([:])
        #expect(try open.patch(["notifications_email": .string(Self.address)]).status == 200)
        let untouched = try service.makeTenant()
        #expect(try untouched.patch(["notifications_email": "other@example.net"]).status == 200)

        try service.setClassifier("down")
        _ = try open.accepted(try Repository.fixture(Sample.safeJPEG))
        let bad = try open.accepted(try Repository.fixture(Sample.nsfwJPEG))
        #expect(
            try Concurrent.eventually { try mail("The NSFW gate is out of service", in: receiver) != nil },
            "\(service.log.suffix(2_000))")
        let first = try #require(try mail("The NSFW gate is out of service", in: receiver))
        #expect(text(first).contains("so far 2 uploads admitted unscanned, 0 refused"))

        #expect(try open.patch(["nsfw_fail_closed": true]).status == 200)
        #expect(try open.upload(fixture: Sample.safeJPEG).status == 503)
        try service.kill()
        try service.start()
        #expect(
            try Concurrent.eventually(seconds: 60) { try mail("The NSFW gate is back", in: receiver) != nil },
            "\(service.log.suffix(2_000))")
        let recovered = try #require(try mail("The NSFW gate is back", in: receiver))
        #expect(text(recovered).contains("2 uploads admitted unscanned, 1 refused"))
        #expect(
            try Concurrent.eventually(seconds: 60) { try mail("An upload was quarantined", in: receiver) != nil })
        let quarantined = try #require(try mail("An upload was quarantined", in: receiver))
        #expect(text(quarantined).contains("upload \(bad)\n") && !text(quarantined).contains("score"))
        let changed = try #require(try mail("The settings of the NSFW gate were changed", in: receiver))
        #expect(text(changed).contains("nsfw_fail_closed from false to true by admin@example.org (key_"))
        // Who met no outage hears of none.
        #expect(try receiver.mails.allSatisfy { $0["to"] == [.string(Self.address)] })
        try service.stop()
    }

    // The alert is in the transaction of what it tells, and its mail is not: between the two the process may die.
    @Test("What happened before a kill is told after it, when the mail server is back")
    func killed() throws {
        let directory = try TemporaryDirectory()
        let gone = try MailReceiver(keeping: directory.path("mails"))
        try gone.stop()
        let service = try Service(settings: settings(gone), in: directory)
        let tenant = try service.makeTenant()
        #expect(try tenant.patch(["notifications_email": .string(Self.address)]).status == 200)
        #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
        try service.kill()
        try service.start()
        let receiver = try MailReceiver(keeping: directory.path("mails"), port: gone.port)
        let mails = try receiver.waitForMails(1)
        #expect(text(mails[0]).contains("nsfw_check_enabled from true to false"))
        try service.stop()
    }

    @Test("An undeliverable address is shown, until it is saved again; credits are told of; no request waits for mail")
    func deliveryStatus() throws {
        let directory = try TemporaryDirectory()
        let receiver = try MailReceiver(keeping: directory.path("mails"))
        let service = try Service(settings: settings(receiver), in: directory)
        let tenant = try service.makeTenant()
        let name = "notifications_email_delivery_status"
        #expect(try tenant.patch(["notifications_email": "gone@example.net"]).json[name] == .null)
        #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
        let isShown = try Concurrent.eventually { try tenant.get("/v1/organizations").json[name] != .null }
        #expect(isShown, "\(service.log.suffix(2_000))")
        let status = try tenant.get("/v1/organizations").json[name]
        #expect(status["status"] == "undeliverable" && status["email"] == "gone@example.net")
        #expect(try tenant.patch(["notifications_email": .string(Self.address)]).json[name] == .null)

        try tenant.patchPrivately(["monthly_credit_cap": 10])
        for _ in 0..<8 { _ = try tenant.accepted(Sample.text) }
        let mails = try receiver.waitForMails(1)
        #expect(mails[0]["headers"]["Subject"] == "[Test] Credits are running out")
        #expect(text(mails[0]).contains("80 % used: 8 of 10 credits"))
        let metrics = try service.sendPrivately(HTTPRequest("GET", "/metrics")).text
        #expect(metrics.contains("portcullis_alert_mails_total{outcome=\"failed\"} 1\n"))
        #expect(metrics.contains("portcullis_alerts_pending "))
        try service.stop()
        #expect(!service.log.contains("int_"))
    }

    @Test("Without a mail server alerts are logged, and `mail --test` says what is missing")
    func logged() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        #expect(try tenant.patch(["notifications_email": .string(Self.address)]).status == 200)
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        let isLogged = Concurrent.eventually { service.log.contains("\"event\":\"alert\"") }
        #expect(isLogged, "\(service.log.suffix(2_000))")
        let line = try #require(service.log.split(separator: "\n").first { $0.contains("\"event\":\"alert\"") })
        #expect(try JSON(parsing: line)["organization_id"] == .string(tenant.id))
        #expect(try JSON(parsing: line)["kind"] == "gate_settings.changed")
        let outcome = try service.command("mail", "--test", Self.address)
        #expect(outcome.status == .exited(78) && outcome.errorText.contains("PORTCULLIS_SMTP_URL is not set"))
        try service.stop()
    }

    @Test("`mail --test` tells what the mail server said, and never the password")
    func testMail() throws {
        let directory = try TemporaryDirectory()
        let receiver = try MailReceiver(keeping: directory.path("mails"))
        func run(_ settings: [String: String], _ address: String) throws -> ChildProcess.Outcome {
            try ChildProcess.run(
                Service.executable.get(), ["mail", "--test", address],
                environment: Service.environment(dataDirectory: directory.path("data"), settings: settings))
        }
        let good = try run(settings(receiver), Self.address)
        #expect(good.status == .exited(0) && good.outputText.contains("with status 250"), "\(good.errorText)")
        #expect(try receiver.mails.count == 1)
        let refused = try run(settings(receiver), "gone@example.net")
        #expect(
            refused.status == .exited(1) && refused.errorText.contains("550 5.1.1 no such mailbox"),
            "\(refused.errorText)")

        let guarded = try MailReceiver(keeping: directory.path("mails"), credentials: ("gate", "another"))
        let secret = "smtp://gate:t0ps3cret@127.0.0.1:\(guarded.port)"
        let wrong = try run(settings(receiver, ["PORTCULLIS_SMTP_URL": secret]), Self.address)
        #expect(wrong.status == .exited(1) && !wrong.errorText.contains("t0ps3cret"), "\(wrong.errorText)")
        // This one takes no credentials, so that the mail would go without.
        let bare = "smtp://gate:t0ps3cret@127.0.0.1:\(receiver.port)"
        let anonymous = try run(settings(receiver, ["PORTCULLIS_SMTP_URL": bare]), Self.address)
        #expect(anonymous.status == .exited(1))
        #expect(anonymous.errorText.contains("authentication_failed: there are credentials"), "\(anonymous.errorText)")
        #expect(try receiver.mails.count == 1)
        for (url, sender) in [("http://gate:t0ps3cret@host", "a@b.org"), ("smtp://localhost", "")] {
            let invalid = try run(["PORTCULLIS_SMTP_URL": url, "PORTCULLIS_SMTP_SENDER": sender], Self.address)
            #expect(invalid.status == .exited(78) && invalid.errorText.contains("PORTCULLIS_SMTP_"))
            #expect(!invalid.errorText.contains("t0ps3cret"))
        }
    }

    // The first alert that did not get through told of it, hours later.
    @Test("A file of certificates that is none stops the start, with its name")
    func authorities() throws {
        let directory = try TemporaryDirectory()
        let certificate = try MailReceiver.makeCertificate(in: directory)
        let empty = directory.path("empty.pem")
        try "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".write(
            toFile: empty, atomically: true, encoding: .utf8)
        for file in [directory.path("missing.pem"), empty, certificate.key] {
            let outcome = try ChildProcess.run(
                Service.executable.get(), ["serve"],
                environment: Service.environment(
                    dataDirectory: directory.path("data"), settings: ["PORTCULLIS_SMTP_CA_FILE": file]))
            #expect(outcome.status == .exited(78), "\(file): \(outcome.errorText)")
            #expect(outcome.errorText.contains("PORTCULLIS_SMTP_CA_FILE") && outcome.errorText.contains(file))
        }
        let service = try Service(settings: ["PORTCULLIS_SMTP_CA_FILE": certificate.file])
        try service.stop()
    }

    // Such an address was taken, and every mail to it failed.
    @Test("An address that no mail can be sent to is refused when it is saved")
    func unmailable() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        for address in ["ü@example.org", "A..b@example.org", ".a@example.org", "a.@example.org"] {
            let changes: JSON = ["notifications_email": .string(address)]
            for answer in [try tenant.patch(changes), try tenant.patchPrivately(changes)] {
                #expect(
                    answer.status == 422 && answer.text.contains("an address that mail is sent to"), "\(answer.text)")
            }
        }
        #expect(
            try tenant.patch(["notifications_email": "a.b+c@example.org", "billing_email": "ü@b.org"]).status == 200)
        try service.stop()
    }
}
