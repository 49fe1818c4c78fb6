import Alerts
import Database
import DatabaseSQLite
import Domain
import Foundation
import TestSupport
import Testing
import Transfer

@Suite("Mails that do not get through", .blocking)
struct RefusalTests {
    private func server(_ bench: Bench, timeoutMilliseconds: Int = 60_000) -> MailServer {
        MailServer(url: bench.receiver.url, requiresEncryption: false, timeoutMilliseconds: timeoutMilliseconds)
    }

    // Servers say only after RCPT what they have against the client: that it did not authenticate, that its name is
    // incomplete, that they relay nothing for it. Taken for the address's fault, it silenced every organization at once.
    @Test("An address is undeliverable where the server speaks of the address, and not where it speaks of us")
    func blame() async throws {
        let bench = try await Bench()
        let mailer = try bench.mailer()
        let refusals = [
            ("rcpt-550-5.1.1", true), ("rcpt-550", true), ("rcpt-551", true), ("rcpt-552-5.2.2", true),
            ("rcpt-553", true), ("data-550-5.2.1", true), ("rcpt-530", false), ("rcpt-530-5.7.0", false),
            ("rcpt-550-5.7.1", false), ("rcpt-554-5.7.1", false), ("rcpt-504-5.5.2", false), ("rcpt-550-5.1.8", false),
            ("rcpt-450-4.1.1", false), ("data-550", false), ("data-554-5.7.1", false),
        ]
        for (name, isItsFault) in refusals {
            try await bench.save("\(name)@example.net")
            try await bench.alert()
            bench.clock.advance(seconds: 7_200)
            try await mailer.sendDue()
            #expect(try bench.pending() == (isItsFault ? 0 : 1), "\(name)")
            #expect(try (bench.status() != nil) == isItsFault, "\(name)")
            try await bench.save("owner@example.net")
            bench.clock.advance(seconds: 7_200)
            try await mailer.sendDue()
            #expect(try bench.pending() == 0, "\(name)")
        }
        #expect(try bench.receiver.mails.count == refusals.filter { !$0.1 }.count)
    }

    // libcurl goes on without authentication where the server offers none: the mail went as anybody's.
    @Test("With credentials no mail goes to a server that takes none; elsewhere they are sent once a connection")
    func login() async throws {
        let bench = try await Bench()
        var server = server(bench)
        (server.user, server.password) = ("gate", "p@ss word")
        try await bench.alert()
        try await bench.alert(.creditsThreshold)
        try await bench.mailer(server).sendDue()
        #expect(try bench.pending() == 2 && bench.receiver.mails.isEmpty && bench.status() == nil)
        // It is the server's trouble: the second one was not tried.
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 1"))
        let receiver = try MailReceiver(keeping: bench.mailFile, credentials: ("gate", "p@ss word"))
        server.url = receiver.url
        bench.clock.advance(seconds: 900)
        try await bench.mailer(server).sendDue()
        let mails = try receiver.mails
        #expect(mails.count == 2 && mails.allSatisfy { $0["user"] == "gate" })
        #expect(try bench.pending() == 0)
        #expect(Set(mails.map { $0["session"] }).count == 1)
    }

    @Test(
        "The service calls itself to the mail server as the operator says",
        arguments: ["gate.example.org", "[192.0.2.1]"])
    func clientName(name: String) async throws {
        let bench = try await Bench()
        var server = server(bench)
        server.clientName = name
        try await bench.alert()
        try await bench.mailer(server).sendDue()
        #expect(try bench.receiver.mails.map { $0["client"] } == [.string(name)])
    }

    @Test("A recipient that the server is silent about, or hangs up for, holds up nobody else")
    func silence() async throws {
        let bench = try await Bench(address: "late@example.net")
        let mailer = try bench.mailer(server(bench, timeoutMilliseconds: 1_000))
        try await bench.alert()
        try await bench.waitingOrganization("lost@example.net")
        try await bench.waitingOrganization("owner@example.net")
        try await mailer.sendDue()
        #expect(try bench.receiver.mails.count == 1 && bench.pending() == 2)
    }

    // A server that is silent about everybody would else be tried with every mail, each for as long as the time-out.
    @Test("Three of them in a row are the server's trouble; whoever did not fail yet goes first afterwards")
    func silences() async throws {
        let bench = try await Bench(address: "lost@example.net")
        let mailer = try bench.mailer(server(bench, timeoutMilliseconds: 60_000))
        try await bench.alert()
        for address in ["rcpt-421-4.7.0@example.net", "lost-data@example.net", "owner@example.net"] {
            try await bench.waitingOrganization(address)
        }
        let taken = { try bench.receiver.mails.filter { $0["to"] == ["owner@example.net"] }.count }
        try await mailer.sendDue()
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 3"))
        #expect(try taken() == 0)
        bench.clock.advance(seconds: 59)
        try await mailer.sendDue()
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 3"))
        bench.clock.advance(seconds: 1)
        try await mailer.sendDue()
        #expect(try taken() == 1)
        #expect(bench.metric("portcullis_alert_mails_total{outcome=\"postponed\"} 6"))
    }

    @Test("A mail that was taken without a word of it comes again under the same identifier, and another under its own")
    func messageID() async throws {
        let bench = try await Bench(address: "lost-data@example.net")
        func identifiers() async throws -> [JSON] {
            try await bench.mailer(server(bench)).sendDue()
            bench.clock.advance(seconds: 900)
            return try bench.receiver.mails.map { $0["headers"]["Message-ID"] }
        }
        try await bench.alert()
        _ = try await identifiers()
        let two = try await identifiers()
        #expect(two.count == 2 && Set(two).count == 1)
        try await bench.alert()
        let three = try await identifiers()
        #expect(three.count == 3 && Set(three).count == 2)
    }

    @Test("What an old address was refused for while it was changed goes to the new one at once")
    func changedMeanwhile() async throws {
        let bench = try await Bench(address: "slow-gone@example.net")
        let mailer = try bench.mailer()
        try await bench.alert()
        async let sending: Void = mailer.sendDue()
        let isUnderWay = try Concurrent.eventually {
            try !bench.database.read { transaction throws(DatabaseError) in
                try transaction.alerts.isAnyDue(now: bench.clock.now())
            }
        }
        try #require(isUnderWay)
        try await bench.change { $0.notificationsEmail = "owner@example.net" }
        #expect(FileManager.default.createFile(atPath: bench.mailFile + ".go", contents: nil))
        try await sending
        #expect(try bench.receiver.mails.map { $0["to"] } == [["owner@example.net"]])
        #expect(try bench.pending() == 0 && bench.status() == nil)
    }

    // The refused mail had begun an hour in which no other went, though nobody had read a word.
    @Test("An address that is saved after a refusal gets what waits at once; saving a good one lifts no limit")
    func savedAgain() async throws {
        let bench = try await Bench(address: "gone@example.net")
        let mailer = try bench.mailer()
        try await bench.alert()
        try await mailer.sendDue()
        try await bench.alert()
        try await mailer.sendDue()
        #expect(try bench.pending() == 1)
        try await bench.save("owner@example.net")
        try await mailer.sendDue()
        #expect(try bench.pending() == 0 && bench.receiver.mails.count == 1)
        try await bench.alert()
        try await bench.save("owner@example.net")
        try await mailer.sendDue()
        #expect(try bench.pending() == 1)
    }

    // With an interval of a day, what came right after a mail was dropped at the moment at which it was due.
    @Test("What the last mail keeps back for a day is told after it, and not dropped")
    func patience() async throws {
        let bench = try await Bench()
        let mailer = try bench.mailer(intervalSeconds: 86_400)
        try await bench.alert()
        try await mailer.sendDue()
        try await bench.alert()
        bench.clock.advance(seconds: 86_460)
        async let _: Void = mailer.run()
        #expect(try bench.receiver.waitForMails(2).count == 2)
    }
}

extension Bench {
    /// Saves the address as the API does.
    fileprivate func save(_ address: String) async throws {
        try await change {
            $0.notificationsEmail = address
            $0.notificationsEmailStatus = nil
        }
    }
}
