import Settings
import Testing

@Suite("Settings")
struct SettingsTests {
    private func settings(_ environment: [String: String], file: String? = nil) throws -> ServiceSettings {
        let source = try SettingsSource(
            environment: environment, file: file.map { ("test.conf", $0) }, known: ServiceSettings.catalog)
        return try ServiceSettings(from: source)
    }

    private func message(_ environment: [String: String], file: String? = nil) -> String {
        do {
            _ = try settings(environment, file: file)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("Without any key the documented defaults apply")
    func defaults() throws {
        let settings = try settings(["PATH": "/bin"])
        #expect(settings.listeners.publicAddress == "127.0.0.1:8080")
        #expect(settings.listeners.privateToken == nil)
        #expect(settings.classifier.threshold == nil)
        #expect(settings.accounts.rateLimitCeiling == 10_000)
    }

    @Test("A mail server's URL is taken apart, and shown without its credentials")
    func mailServer() throws {
        let url = "smtps://gate%40example.org:p%3Ass%20w%C3%B6rd@Mail.example.org"
        let settings = try settings(["PORTCULLIS_SMTP_URL": url, "PORTCULLIS_SMTP_SENDER": "a@b.org"])
        let server = try #require(settings.alerts.server)
        #expect(server.user == "gate@example.org" && server.password == "p:ss wörd" && server.isSecure)
        #expect("\(server)" == "smtps://mail.example.org:465" && !server.isLocal)
        #expect(MailServerAddress("smtp://[::1]:2525/")?.url == "smtp://[::1]:2525")
        for host in ["[::1]", "localhost", "127.0.0.1", "127.1.2.255"] {
            #expect(MailServerAddress("smtp://\(host)")?.isLocal == true, "\(host)")
        }
        // A name may begin with numbers, and lead anywhere.
        for host in ["127.0.0.1.example.org", "127.example.org", "127.0.0.256", "127.0.0", "128.0.0.1", "127.0.0.01"] {
            #expect(MailServerAddress("smtp://\(host)")?.isLocal == false, "\(host)")
        }
        for bad in [
            "", "smtp://", "http://host", "smtp://host:0", "smtp://host:99999", "smtp://ho st", "smtp://u:%0d%0a@host",
            "smtp://u:%zz@host", "smtp://:p@host", "smtp://host/path", "smtp://host?x",
        ] { #expect(MailServerAddress(bad) == nil, "\(bad)") }
        let text = message(["PORTCULLIS_SMTP_URL": "smtp://u:s3cret@", "PORTCULLIS_SMTP_SENDER": "a@b.org"])
        #expect(text.contains("PORTCULLIS_SMTP_URL") && !text.contains("s3cret"))
        for name in ["gate.example.org", "[192.0.2.1]", "[::1]"] {
            #expect(try self.settings(["PORTCULLIS_SMTP_CLIENT_NAME": name]).alerts.clientName == name)
        }
        for name in ["a b", "a/b", "[]", "a\r\nMAIL", "ü"] {
            #expect(message(["PORTCULLIS_SMTP_CLIENT_NAME": name]).contains("is not a host's name"), "\(name)")
        }
        #expect(message(["PORTCULLIS_SMTP_URL": "smtp://h"]).contains("PORTCULLIS_SMTP_SENDER is missing"))
    }

    @Test("The environment wins over the file")
    func precedence() throws {
        let file = "# a comment\n\nPORTCULLIS_WORKERS = 3\r\nPORTCULLIS_DATA_DIR=\"/with space\"\n"
        let settings = try settings(["PORTCULLIS_WORKERS": "5"], file: file)
        #expect(settings.classifier.workers == 5)
        #expect(settings.storage.dataDirectory == "/with space")
    }

    @Test("A bad value names the key, the format and the default")
    func badValue() {
        #expect(
            message(["PORTCULLIS_WORKERS": "many"])
                == "PORTCULLIS_WORKERS (from the environment): \"many\" is not a whole number from 1 to 256; "
                + "the default is one per core")
        #expect(message([:], file: "\nPORTCULLIS_THRESHOLD=1.5").contains("test.conf, line 2"))
        #expect(message(["PORTCULLIS_THRESHOLD": "nan"]).contains("is not a number from 0 to 1"))
    }

    @Test("An unknown key stops the start and hints at the nearest one")
    func unknownKey() {
        let text = message(["PORTCULLIS_WORKER": "2"])
        #expect(text.contains("PORTCULLIS_WORKER (from the environment) is not a setting"))
        #expect(text.contains("PORTCULLIS_WORKERS: a whole number from 1 to 256, default one per core"))
    }

    @Test("A secret is never shown")
    func secrets() {
        let text = message(["PORTCULLIS_PRIVATE_TOKEN": "hunter2"])
        #expect(text.contains("PORTCULLIS_PRIVATE_TOKEN"))
        #expect(!text.contains("hunter2"))
    }

    @Test("Lines that are no settings and keys set twice are refused with their line")
    func badLines() {
        #expect(message([:], file: "PORTCULLIS_WORKERS 3") == "test.conf, line 1: expected KEY=VALUE")
        #expect(message([:], file: "PORTCULLIS_WORKERS=3\nPORTCULLIS_WORKERS=4").contains("set already in line 1"))
    }

    @Test(
        "Addresses need a port, and IPv6 its brackets",
        arguments: [
            ("127.0.0.1:0", true), ("[::1]:8080", true), ("localhost:80", true), ("::1:80", false),
            ("127.0.0.1", false),
            ("127.0.0.1:65536", false), (":80", false), ("[]:80", false),
        ])
    func addresses(_ address: String, _ isValid: Bool) {
        #expect((message(["PORTCULLIS_LISTEN": address]) == "no error") == isValid)
    }

    @Test("Every key is listed once, with format, default and meaning")
    func catalog() {
        #expect(Set(ServiceSettings.catalog.map(\.name)).count == ServiceSettings.catalog.count)
        for entry in ServiceSettings.catalog {
            #expect(entry.name.hasPrefix("PORTCULLIS_"))
            #expect(!entry.format.isEmpty && !entry.meaning.isEmpty && !entry.defaultText.isEmpty)
        }
    }
}
