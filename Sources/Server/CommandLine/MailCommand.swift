import Alerts
import Crypto
import Mail
import Settings
import Telemetry
import Transfer

/// `portcullis mail --test ADDRESS`: whether alerts would get through.
enum MailCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, options: ["test"])
        try arguments.noOperands()
        let address = try arguments.required("test")
        guard let recipient = MailAddress(address) else {
            throw UsageError("\"\(address)\" is not an e-mail address like name@example.org")
        }
        let settings = try Configuration.load().alerts
        let configuration = try AlertConfiguration(settings)
        guard let server = configuration.server else {
            throw ConfigurationError("PORTCULLIS_SMTP_URL is not set: alerts are only logged")
        }
        let message = MailMessage(
            sender: configuration.sender, recipient: recipient, subject: "Portcullis can send alerts",
            text: "This mail was sent by \"portcullis mail --test\". Alerts take the same way.\n",
            html: "<p>This mail was sent by <code>portcullis mail --test</code>. Alerts take the same way.</p>\n",
            date: SystemTime().now(), id: RandomID.requestID())
        var connection = MailConnection(server)
        do {
            let status = try connection.send(message, cancellation: TransferCancellation())
            Console.print("\(server.url) took the mail to \(recipient) with status \(status)")
            return 0
        } catch {
            let line = error.mail?.line ?? ""
            let answer = line.isEmpty ? "" : " (the server's last words: \(line))"
            Console.error("\(server.url) did not take the mail to \(recipient): \(error)\(answer)")
            return 1
        }
    }
}
