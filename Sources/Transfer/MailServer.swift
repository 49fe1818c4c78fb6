/// The mail server that takes our mails.
package struct MailServer: Sendable {
    /// `smtp://host:port` or `smtps://host:port`, without credentials.
    package var url: String
    package var user: String?
    package var password: String?
    /// Whether a connection that begins in plain text must go on encrypted (STARTTLS); otherwise it stays plain.
    package var requiresEncryption: Bool
    /// Certificates that are trusted, a PEM file; nil for the system's.
    package var authoritiesFile: String?
    /// For one mail, from the name's resolution to the server's last answer.
    package var timeoutMilliseconds: Int

    package init(
        url: String, user: String? = nil, password: String? = nil, requiresEncryption: Bool,
        authoritiesFile: String? = nil, timeoutMilliseconds: Int
    ) {
        self.url = url
        self.user = user
        self.password = password
        self.requiresEncryption = requiresEncryption
        self.authoritiesFile = authoritiesFile
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}
