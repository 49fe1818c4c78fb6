import Alerts
import Mail
import Settings
import Transfer

extension AlertConfiguration {
    /// How the settings say that alerts are sent.
    init(_ settings: AlertSettings) throws(ConfigurationError) {
        let server = settings.server.map { address in
            MailServer(
                url: address.url, clientName: settings.clientName.isEmpty ? nil : settings.clientName,
                user: settings.user ?? address.user, password: settings.password ?? address.password,
                requiresEncryption: address.isSecure || Self.requiresEncryption(settings, address),
                authoritiesFile: settings.authoritiesFile.isEmpty ? nil : settings.authoritiesFile,
                timeoutMilliseconds: settings.timeoutMilliseconds)
        }
        // Without a server nobody reads who sent it.
        guard let sender = MailAddress(server == nil ? "portcullis@localhost" : settings.sender) else {
            throw ConfigurationError(
                "PORTCULLIS_SMTP_SENDER: \"\(settings.sender)\" is not an address like name@example.org")
        }
        self.init(
            server: server, sender: sender, intervalSeconds: settings.intervalSeconds,
            outageSeconds: settings.outageSeconds, retrySeconds: settings.retrySeconds)
    }

    private static func requiresEncryption(_ settings: AlertSettings, _ address: MailServerAddress) -> Bool {
        settings.encryption == "automatic" ? !address.isLocal : settings.encryption == "required"
    }
}
