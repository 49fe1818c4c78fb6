/// Where the dialogue with a mail server ended, and what the server said last.
package struct MailAnswer: Hashable, Sendable {
    /// The last command, such as `RCPT`; `DATA` for the content, too. Empty before the first one.
    package let command: String
    /// The last line of the answer to it, without its end, what is not printable ASCII as `?`; empty where none came.
    package let line: String

    package init(command: String, line: String) {
        self.command = command
        self.line = line
    }

    /// Whether the server had taken the sender, and spoke of this mail alone.
    package var isAboutOneMail: Bool { command == "RCPT" || command == "DATA" }

    /// Whether the server said no to this mail, for now or for good. With 421 it hangs up (RFC 5321 section 3.8).
    var isRefusal: Bool { isAboutOneMail && (400...599).contains(status) && status != 421 }

    /// Whether the server said that mail to this address never arrives. Many servers answer only to `RCPT` what they have
    /// against the client, its name, its credentials or its sender, so that the status alone says little: what counts is
    /// the enhanced one (RFC 3463), whose subjects 1 and 2 are the address and its mailbox, but for the sender's.
    package var isRefusalOfAddress: Bool {
        guard isAboutOneMail, (500...599).contains(status) else { return false }
        if let (subject, detail) = enhancedStatus {
            return subject == 2 || subject == 1 && !Self.senderDetails.contains(detail)
        }
        return command == "RCPT" && Self.addressStatuses.contains(status)
    }

    /// Mailbox unavailable, user not local, no room, name not allowed (RFC 5321 section 4.2.3).
    private static let addressStatuses = [550, 551, 552, 553]
    /// X.1.7 and X.1.8: the sender's address is malformed, or its system unknown.
    private static let senderDetails = [7, 8]

    /// 0 without one.
    package var status: Int {
        let digits = line.utf8.prefix { (0x30...0x39).contains($0) }
        return digits.count == 3 ? Int(String(Substring(digits))) ?? 0 : 0
    }

    /// Of `550 5.1.1 no such user`, (1, 1): the subject and the detail of an enhanced status of the same class.
    private var enhancedStatus: (subject: Int, detail: Int)? {
        let word = line.dropFirst(4).prefix { $0 != " " }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false).map { part in
            (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
        }
        guard parts.count == 3, parts[0] == status / 100, let subject = parts[1], let detail = parts[2] else {
            return nil
        }
        return (subject, detail)
    }
}
