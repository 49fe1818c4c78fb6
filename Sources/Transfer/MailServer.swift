/// The mail server that takes our mails.
package struct MailServer: Sendable {
    /// `smtp://host:port` or `smtps://host:port`, without credentials.
    package var url: String
    /// How we call ourselves to it (EHLO): a host's name, or an address in brackets; nil for this machine's name.
    package var clientName: String?
    package var user: String?
    package var password: String?
    /// Whether a connection that begins in plain text must go on encrypted (STARTTLS); otherwise it stays plain.
    package var requiresEncryption: Bool
    /// Certificates that are trusted, a PEM file; nil for the system's.
    package var authoritiesFile: String?
    /// For one mail, from the name's resolution to the server's last answer.
    package var timeoutMilliseconds: Int

    package init(
        url: String, clientName: String? = nil, user: String? = nil, password: String? = nil, requiresEncryption: Bool,
        authoritiesFile: String? = nil, timeoutMilliseconds: Int
    ) {
        self.url = url
        self.clientName = clientName
        self.user = user
        self.password = password
        self.requiresEncryption = requiresEncryption
        self.authoritiesFile = authoritiesFile
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}
