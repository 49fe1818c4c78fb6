import Alerts
import Crypto
import Database
import Domain
import Mail
import TestSupport
import Testing
import Transfer

@Suite("Alerts by mail", .blocking)
struct AlertTests {
    @Test("Of a thousand alerts the first mail goes at once, and one with the rest after an hour")
    func flood() async throws {
        let bench = try await Bench()
        let mailer = try bench.mailer()
        try await bench.alert()
        try await mailer.sendDue()
        try await bench.alert(count: 999)
        for _ in 0..<5 {
            bench.clock.advance(seconds: 600)
            try await mailer.sendDue()
        }
        #expect(try bench.receiver.mails.count == 1)
        bench.clock.advance(seconds: 601)
        try await mailer.sendDue()
        let mails = try bench.receiver.mails
        #expect(mails.count == 2)
        #expect(mails[0]["headers"]["Subject"] == "[Sample] An upload was quarantined")
        #expect(mails[1]["headers"]["Subject"] == "[Sample] 999 uploads were quarantined")
        let text = mails[1]["parts"]["text/plain"].string ?? ""
        #expect(text.contains("upload upl_998\n") && text.contains("… and 979 before these.\n"))
        #expect(try bench.pending() == 0)
        #expect(bench.metric("portcullis_alerts_total{fate=\"told\"} 1000"))
        bench.clock.advance(seconds: 7_200)
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.count == 2)
    }

    // The name of an organization is a stranger's text, in the subject and in both bodies.
    @Test("A name full of markup, line ends and other alphabets arrives as it is, and as nothing else")
    func hostileName() async throws {
        let name =
            "Küche \"<script>alert(1)</script>\"\r\nBcc: evil@example.com\r\n\r\n.\r\n"
            + String(repeating: "長い", count: 60)
        let bench = try await Bench(name: name)
        try await bench.alert()
        try await bench.mailer().sendDue()
        let mail = try #require(try bench.receiver.mails.first)
        #expect(mail["to"] == ["owner@example.net"] && mail["from"] == "gate@example.org")
        #expect(mail["header_count"] == 8 && mail["headers"]["Bcc"] == .missing)
        #expect(mail["defects"] == [])
        #expect(mail["type"] == "multipart/alternative")
        #expect((mail["longest_line"].int ?? 1_000) <= 78)
        #expect(mail["headers"]["Auto-Submitted"] == "auto-generated")
        let subject = mail["headers"]["Subject"].string ?? ""
        #expect(subject.hasPrefix("[Küche \"<script>alert(1)</script>\"  Bcc: evil"))
        let (plain, html) = (mail["parts"]["text/plain"].string ?? "", mail["parts"]["text/html"].string ?? "")
        #expect(plain.contains(String(repeating: "長い", count: 60)))
        #expect(plain.unicodeScalars.contains(".") && plain.contains("Bcc: evil@example.com"))
        #expect(!html.contains("<script>") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    }

    @Test("A mail carries neither a score nor the organization's secret identifier")
    func secrecy() async throws {
        let bench = try await Bench()
        for kind in AlertKind.allCases {
            try await bench.alert(kind, data: ["score": .number(0.91), "secret": "sk_x"])
        }
        try await bench.mailer().sendDue()
        let mails = try bench.receiver.mails
        #expect(mails.count == AlertKind.allCases.count)
        // One connection carried all of them.
        #expect(Set(mails.map { $0["session"] }).count == 1)
        for mail in mails {
            let all = String(decoding: mail.encoded, as: UTF8.self)
            #expect(!all.contains("0.91") && !all.contains("sk_x"))
            #expect(!all.contains(bench.organization.internalID.rawValue))
        }
    }

    @Test("A mailbox that is full is tried again, later each time; other mails do not wait for it")
    func temporaryRefusal() async throws {
        let bench = try await Bench(address: "full@example.net")
        let mailer = try bench.mailer()
        try await bench.alert()
        try await bench.alert(.creditsThreshold)
        try await mailer.sendDue()
        #expect(try bench.pending() == 2 && bench.receiver.mails.isEmpty)
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 2"))
        bench.clock.advance(seconds: 59)
        try await mailer.sendDue()
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 2"))
        bench.clock.advance(seconds: 1)
        try await mailer.sendDue()
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 4"))
        bench.clock.advance(seconds: 119)
        try await bench.change { $0.notificationsEmail = "owner@example.net" }
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.isEmpty)
        bench.clock.advance(seconds: 1)
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.map { $0["to"] } == [["owner@example.net"], ["owner@example.net"]])
        #expect(try bench.status() == nil)
    }

    @Test("An address that is refused for good shows so until a mail gets through")
    func permanentRefusal() async throws {
        let bench = try await Bench(address: "gone@example.net")
        let mailer = try bench.mailer()
        try await bench.alert()
        try await mailer.sendDue()
        let status = try #require(try bench.status())
        #expect(status["status"] == "undeliverable" && status["email"] == "gone@example.net")
        #expect(status["reason"]?.stringValue?.contains("550") == true)
        #expect(try bench.pending() == 0)
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"failed\"} 1"))
        try await bench.change { $0.notificationsEmail = "owner@example.net" }
        try await bench.alert(.creditsThreshold)
        try await mailer.sendDue()
        #expect(try bench.status() == nil && bench.receiver.mails.count == 1)
    }

    @Test("While the mail server is down nothing is lost, and nothing is tried in vain")
    func serverDown() async throws {
        let bench = try await Bench()
        let mailer = try bench.mailer()
        try bench.receiver.stop()
        try await bench.alert()
        try await bench.alert(.creditsThreshold)
        try await mailer.sendDue()
        // The first failure shows that the others would fail as well.
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 1"))
        bench.clock.advance(seconds: 7_200)
        try await mailer.sendDue()
        #expect(try bench.pending() == 2)
        let again = try MailReceiver(keeping: bench.mailFile, port: bench.receiver.port)
        bench.clock.advance(seconds: 900)
        try await mailer.sendDue()
        #expect(try again.mails.count == 2 && bench.pending() == 0 && bench.status() == nil)
    }

    @Test("Encryption and credentials are used where they are asked for, and nothing is sent without")
    func encryption() async throws {
        let bench = try await Bench()
        let certificate = try MailReceiver.makeCertificate(in: bench.directory)
        let receiver = try MailReceiver(
            keeping: bench.mailFile, certificate: certificate, credentials: ("gate", "p@ss word"))
        var server = MailServer(
            url: "smtp://localhost:\(receiver.port)", user: "gate", password: "wrong", requiresEncryption: true,
            authoritiesFile: certificate.file, timeoutMilliseconds: 60_000)
        func attempt() async throws {
            bench.clock.advance(seconds: 900)
            try await bench.mailer(server).sendDue()
        }
        try await bench.alert()
        try await attempt()
        #expect(try bench.pending() == 1)
        server.password = "p@ss word"
        server.authoritiesFile = nil
        try await attempt()
        #expect(try bench.pending() == 1)
        // A server that offers no encryption gets neither mail nor credentials.
        server.authoritiesFile = certificate.file
        server.url = "smtp://localhost:\(bench.receiver.port)"
        try await attempt()
        #expect(try bench.pending() == 1 && receiver.mails.isEmpty)
        // Whatever is wrong here is not the address's fault.
        #expect(try bench.status() == nil)
        server.url = "smtp://localhost:\(receiver.port)"
        try await attempt()
        let mail = try #require(try receiver.mails.first)
        #expect(mail["tls"] == true && mail["user"] == "gate")
    }

    @Test("Where nobody is to be told nothing is written, and what waits goes with the address or the organization")
    func noReader() async throws {
        let silent = try await Bench(address: nil)
        try await silent.alert()
        #expect(try silent.pending() == 0)

        let bench = try await Bench()
        try await bench.alert(count: 3)
        try await bench.change { $0.notificationsEmail = nil }
        try await bench.mailer().sendDue()
        #expect(try bench.pending() == 0 && bench.receiver.mails.isEmpty)
        #expect(bench.metric("portcullis_alerts_total{fate=\"suppressed\"} 3"))

        try await bench.change { $0.notificationsEmail = "owner@example.net" }
        try await bench.alert()
        let (id, now) = (bench.organization.internalID, bench.clock.now())
        try await bench.database.write { transaction throws(DatabaseError) in
            _ = try transaction.organizations.delete(id, now: now)
        }
        #expect(try bench.pending() == 0)
    }

    // A process that dies while it sends leaves its lease behind; until that runs out nobody else sends the mail.
    @Test("A mail that somebody is sending is sent by nobody else, and by another once the lease is over")
    func lease() async throws {
        let bench = try await Bench()
        try await bench.alert()
        let now = bench.clock.now()
        let claim = try await bench.database.write { transaction throws(DatabaseError) in
            try transaction.alerts.claim(lease: "dead", until: now.adding(seconds: 100), now: now)
        }
        guard case .batch(let batch) = claim else {
            Issue.record("nothing was claimed")
            return
        }
        let mailer = try bench.mailer()
        bench.clock.advance(seconds: 99)
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.isEmpty)
        bench.clock.advance(seconds: 1)
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.count == 1)
        // What the dead one would still write changes nothing.
        try await bench.alert()
        let isFinished = try await bench.database.write { transaction throws(DatabaseError) in
            try transaction.alerts.finish(batch, nextAt: now)
        }
        #expect(!isFinished)
        #expect(try bench.pending() == 1)
    }

    @Test("A key's expiry is told a week and a day ahead, each once; what is not told within a day is dropped")
    func expiringKeys() async throws {
        let bench = try await Bench()
        let (organization, start) = (bench.organization, bench.clock.now())
        let day: Int64 = 86_400
        try await bench.database.write { transaction throws(DatabaseError) in
            let user = User(
                id: RandomID.userID(), organization: organization.internalID, email: "a@example.org", name: "A",
                role: .admin, createdAt: start, updatedAt: start)
            _ = try transaction.users.insert(user)
            // Of the third it was known when it was made that it is short-lived.
            for (name, days) in [("long", 30), ("never", nil), ("short", 3)] as [(String, Int64?)] {
                _ = try transaction.apiKeys.insert(
                    APIKey(
                        id: RandomID.keyID(), organization: organization.internalID, user: user.id, name: name,
                        hash: SHA256.hash(of: name), prefix: "sk_", permissions: [.read],
                        expiresAt: days.map { start.adding(seconds: $0 * day) }, createdAt: start))
            }
        }
        func told(afterDays days: Int64) async throws -> Int {
            let now = start.adding(seconds: days * day)
            return try await bench.database.write { transaction throws(DatabaseError) in
                try transaction.alerts.noteExpiringKeys(now: now)
            }
        }
        #expect(try await told(afterDays: 0) == 0)
        #expect(try await told(afterDays: 2) == 1)
        #expect(try await told(afterDays: 2) == 0)
        #expect(try await told(afterDays: 22) == 0)
        #expect(try await told(afterDays: 23) == 1)
        #expect(try await told(afterDays: 28) == 0)
        #expect(try await told(afterDays: 29) == 1)
        #expect(try await told(afterDays: 29) == 0)
        #expect(try await told(afterDays: 31) == 0)
        let dropped = try await bench.database.write { transaction throws(DatabaseError) in
            try transaction.alerts.expire(before: start.adding(seconds: 28 * day))
        }
        #expect(dropped == 2)
        #expect(try bench.pending() == 1)
    }
}
