package import Domain

/// A mail that a program writes to one person: the same words as plain text and as HTML (RFC 5322, RFC 2045, RFC 2046).
///
/// Subject and texts may be anybody's: what would begin another header field is taken out of the subject, and the texts
/// are encoded, so that no line of them can be taken for the message's own.
package struct MailMessage: Sendable {
    package var sender: MailAddress
    package var recipient: MailAddress
    package var subject: String
    package var text: String
    /// A whole document, whose words are escaped already.
    package var html: String
    package var date: Timestamp
    /// Unique for ever, of the characters of identifiers; it also divides the parts.
    package var id: String

    package init(
        sender: MailAddress, recipient: MailAddress, subject: String, text: String, html: String, date: Timestamp,
        id: String
    ) {
        self.sender = sender
        self.recipient = recipient
        self.subject = subject
        self.text = text
        self.html = html
        self.date = date
        self.id = id
    }

    private static let senderName = "Portcullis"

    /// The message as it is sent, with CR LF at the end of every line and no line longer than 78 bytes but the addresses'.
    package var encoded: [UInt8] {
        // "=_" is in no text that is encoded as quoted-printable (RFC 2045 section 6.7).
        let boundary = "=_\(id)"
        let header = [
            "Date: \(MailDate.text(date))",
            "From: \(Self.senderName) <\(sender)>",
            "To: <\(recipient)>",
            "Subject: \(HeaderText.encoded(subject))",
            "Message-ID: <\(id)@\(sender.domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative;",
            " boundary=\"\(boundary)\"",
        ]
        let lines =
            header + ["", "--\(boundary)"] + part("plain", text) + ["--\(boundary)"] + part("html", html)
            + ["--\(boundary)--", ""]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private func part(_ subtype: String, _ text: String) -> [String] {
        [
            "Content-Type: text/\(subtype); charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
            QuotedPrintable.encoded(text),
        ]
    }
}
