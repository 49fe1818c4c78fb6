import Alerts
import Crypto
import Mail
import Settings
import Transfer

extension AlertConfiguration {
    /// How the settings say that alerts are sent.
    init(_ settings: AlertSettings) throws(ConfigurationError) {
        try Self.checkAuthorities(settings.authoritiesFile)
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

    /// What would else be found out by the first alert that does not get through.
    private static func checkAuthorities(_ path: String) throws(ConfigurationError) {
        guard !path.isEmpty else { return }
        let contents: [UInt8]
        do throws(ConfigurationError) { contents = try Configuration.contents(of: path) } catch {
            throw ConfigurationError("PORTCULLIS_SMTP_CA_FILE: \(error)")
        }
        guard Certificates.count(inPEM: contents) > 0 else {
            throw ConfigurationError("PORTCULLIS_SMTP_CA_FILE: \(path) holds no certificate (PEM)")
        }
    }

    private static func requiresEncryption(_ settings: AlertSettings, _ address: MailServerAddress) -> Bool {
        settings.encryption == "automatic" ? !address.isLocal : settings.encryption == "required"
    }
}
