import Foundation
import Glibc

/// A real mail server (Tests/Clients/smtp_server.py), which keeps what it takes.
package final class MailReceiver: Sendable {
    private let process: ChildProcess
    private let file: String
    package let port: Int
    /// For connections without encryption.
    package var url: String { "smtp://127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - file: where mails are kept; another receiver goes on with it.
    ///   - port: 0 for any free one.
    package init(
        keeping file: String, port: Int = 0, certificate: (file: String, key: String)? = nil,
        credentials: (user: String, password: String)? = nil
    ) throws {
        let python = Repository.path(".build/test-clients/bin/python")
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw SupportError("the tests' clients are not installed; run scripts/install-clients")
        }
        var arguments = [Repository.path("Tests/Clients/smtp_server.py"), "\(port)", file]
        if let certificate { arguments += ["--tls", certificate.file, certificate.key] }
        if let credentials { arguments += ["--auth", credentials.user, credentials.password] }
        let process = try ChildProcess(python, arguments)
        self.process = process
        self.file = file
        let isListening = Concurrent.eventually(seconds: 60) {
            process.outputText.contains("\n") || !process.isRunning
        }
        let words = process.outputText.split { $0 == " " || $0 == "\n" }
        guard isListening, words.count == 2, let found = Int(words[1]) else {
            throw SupportError("the mail server did not come up: \(process.errorText)")
        }
        self.port = found
    }

    /// Ends the server, as an outage would.
    package func stop() throws {
        process.send(SIGKILL)
        _ = try process.wait()
    }

    /// The mails that were taken, in order.
    package var mails: [JSON] {
        get throws {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return [] }
            // The last line may not be whole yet.
            let whole = text.hasSuffix("\n") ? text[...] : text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
            return try whole.split(separator: "\n").map { try JSON(parsing: $0) }
        }
    }

    /// Waits until so many mails were taken.
    package func waitForMails(_ count: Int, seconds: Double = 60) throws -> [JSON] {
        guard try Concurrent.eventually(seconds: seconds, { try mails.count >= count }) else {
            throw SupportError("\(try mails.count) of \(count) mails came: \(try mails); \(process.errorText)")
        }
        return try mails
    }

    /// A certificate for `localhost` that nobody signed but itself.
    package static func makeCertificate(in directory: TemporaryDirectory) throws -> (file: String, key: String) {
        let (file, key) = (directory.path("server.pem"), directory.path("server.key"))
        let made = try ChildProcess.run(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", file, "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost",
            ])
        guard made.status == .exited(0) else { throw SupportError("no certificate: \(made.errorText)") }
        return (file, key)
    }
}
