/// The mail server that alerts go through, and when they go.
package struct AlertSettings: Sendable {
    /// Without one, alerts are only logged.
    package var server: MailServerAddress?
    /// Empty: this machine's name.
    package var clientName: String
    package var user: String?
    package var password: String?
    package var sender: String
    package var encryption: String
    /// Empty: the system's certificates.
    package var authoritiesFile: String
    package var timeoutMilliseconds: Int
    package var intervalSeconds: Int
    package var outageSeconds: Int
    package var retrySeconds: Int

    init(from source: SettingsSource) throws(SettingsError) {
        server = try source.read(Self.serverSetting)
        clientName = try source.read(Self.clientNameSetting)
        user = try source.read(Self.userSetting)
        password = try source.read(Self.passwordSetting)
        sender = try source.read(Self.senderSetting)
        encryption = try source.read(Self.encryptionSetting)
        authoritiesFile = try source.read(Self.authoritiesSetting)
        timeoutMilliseconds = try source.read(Self.timeoutSetting)
        intervalSeconds = try source.read(Self.intervalSetting)
        outageSeconds = try source.read(Self.outageSetting)
        retrySeconds = try source.read(Self.retrySetting)
        guard server == nil || !sender.isEmpty else {
            throw SettingsError(
                "PORTCULLIS_SMTP_SENDER is missing: with PORTCULLIS_SMTP_URL, the address that alerts come from")
        }
    }

    static let serverSetting = Setting<MailServerAddress?>(
        "PORTCULLIS_SMTP_URL",
        format: "smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…, with credentials percent-encoded",
        default: nil, shownAs: "none: alerts are only logged",
        meaning: "The mail server that takes the alerts to the organizations' notifications_email.", isSecret: true
    ) { MailServerAddress($0).map { .some($0) } ?? .none }
    static let clientNameSetting = Setting<String>(
        "PORTCULLIS_SMTP_CLIENT_NAME", format: "a host's name, or an address in brackets such as [192.0.2.1]",
        default: "",
        shownAs: "this machine's name",
        meaning: "How the service calls itself to the mail server (EHLO); some servers insist on a full name."
    ) { MailServerAddress.isHost($0[...]) ? $0 : nil }
    static let userSetting = Setting.credential(
        "PORTCULLIS_SMTP_USER", shownAs: "the one in PORTCULLIS_SMTP_URL", "User at the mail server.")
    static let passwordSetting = Setting.credential(
        "PORTCULLIS_SMTP_PASSWORD", shownAs: "the one in PORTCULLIS_SMTP_URL", "Password at the mail server.")
    static let senderSetting = Setting<String>(
        "PORTCULLIS_SMTP_SENDER", format: "an e-mail address of ASCII characters, without a name", default: "",
        shownAs: "none; needed with PORTCULLIS_SMTP_URL", meaning: "The address that alerts come from."
    ) { text in
        let isPlain = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"<>,;:\"()\\".utf8.contains($0) }
        return isPlain && text.utf8.count <= 254 && text.split(separator: "@").count == 2 ? text : nil
    }
    static let encryptionSetting = Setting.choice(
        "PORTCULLIS_SMTP_STARTTLS", ["automatic", "required", "none"], default: "automatic",
        "Whether smtp:// must go on encrypted; automatic: required, but for a mail server on this machine.")
    static let authoritiesSetting = Setting.path(
        "PORTCULLIS_SMTP_CA_FILE", default: "", shownAs: "the system's certificates",
        "Certificates (PEM) that the mail server's is checked against.")
    static let timeoutSetting = Setting.integer(
        "PORTCULLIS_SMTP_TIMEOUT_MILLISECONDS", 1_000...600_000, default: 60_000,
        "Time for sending one mail.")
    static let intervalSetting = Setting.integer(
        "PORTCULLIS_ALERT_INTERVAL_SECONDS", 1...86_400, default: 3_600,
        "Least time between two mails of one kind to one organization; what happens meanwhile goes into one.")
    static let outageSetting = Setting.integer(
        "PORTCULLIS_ALERT_OUTAGE_SECONDS", 1...86_400, default: 60,
        "How long the classifier must be unavailable before its absence is an alert.")
    static let retrySetting = Setting.integer(
        "PORTCULLIS_ALERT_RETRY_SECONDS", 1...3_600, default: 60,
        "Pause after the first failed attempt to send a mail; it doubles with each, up to 15 minutes.")

    static let catalog = [
        serverSetting.entry, clientNameSetting.entry, userSetting.entry, passwordSetting.entry, senderSetting.entry,
        encryptionSetting.entry,
        authoritiesSetting.entry, timeoutSetting.entry, intervalSetting.entry, outageSetting.entry,
        retrySetting.entry,
    ]
}

extension Setting where Value == String? {
    fileprivate static func credential(_ name: String, shownAs text: String, _ meaning: String) -> Setting {
        Setting(
            name, format: "1 to 256 characters without control characters", default: nil, shownAs: text,
            meaning: meaning, isSecret: true
        ) { text in
            let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
            return (1...256).contains(text.utf8.count) && isPlain ? .some(text) : .none
        }
    }
}
