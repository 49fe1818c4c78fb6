import Domain
import Mail
import TestSupport
import Testing

@Suite("Mails")
struct MailTests {
    @Test(
        "An address that is more than one mailbox is none",
        arguments: [
            "", "a", "@b.org", "a@", "a@b.org\r\nRCPT TO:<c@d.org>", "a@b.org,c@d.org", "<a@b.org>", "a b@c.org",
            "ä@b.org", "a@b.org>", "\"a b\"@c.org", "a@.org", "a@b@c.org", "a@b.org\u{0}", "a..b@c.org", ".a@b.org",
            "a.@b.org",
        ])
    func addresses(text: String) {
        #expect(MailAddress(text) == nil)
    }

    @Test("Ordinary addresses are addresses")
    func ordinaryAddresses() {
        for text in ["a@b.org", "first.last+tag@sub.example.org", "o'neil_%x@[127.0.0.1]"] {
            #expect(MailAddress(text)?.text == text)
        }
        #expect(MailAddress("a@b.org")?.domain == "b.org")
    }

    private func message(subject: String, text: String = "Text.\n") throws -> String {
        let message = MailMessage(
            sender: try #require(MailAddress("gate@example.org")),
            recipient: try #require(MailAddress("owner@example.net")), subject: subject, text: text, html: "<p></p>\n",
            date: Timestamp(milliseconds: 1_772_366_399_000), id: "id1")
        return String(decoding: message.encoded, as: UTF8.self)
    }

    @Test("The date is written as RFC 5322 does")
    func date() throws {
        #expect(try message(subject: "S").hasPrefix("Date: Sun, 1 Mar 2026 11:59:59 +0000\r\n"))
    }

    // A subject contains names that strangers chose: a line end in one would begin a field, or the body.
    @Test("No subject begins another header field", arguments: ["a\r\nBcc: x@y.org", "a\n\nbody", "a\u{85}b\u{2028}c"])
    func injection(subject: String) throws {
        let header = try message(subject: subject).components("\r\n\r\n")[0]
        let names = header.components("\r\n").filter { !$0.hasPrefix(" ") }.map { $0.components(":")[0] }
        #expect(
            names == [
                "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
            ])
    }

    @Test("No line is longer than 78 bytes, whatever it is made of")
    func lineLength() throws {
        let text = String(repeating: "ä€😀=. ", count: 500) + "\n" + String(repeating: "x", count: 5_000)
        for line in try message(subject: String(repeating: "ü😀", count: 300), text: text).components("\r\n") {
            #expect(line.utf8.count <= 78)
            #expect(line.utf8.allSatisfy { $0 < 0x7f && $0 != 0x0a })
        }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
