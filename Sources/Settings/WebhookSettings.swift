/// How events are sent to webhooks.
package struct WebhookSettings: Sendable {
    package var allowedHosts: String
    /// Empty: the system's.
    package var authoritiesFile: String
    package var parallelism: Int
    package var retryBaseMilliseconds: Int
    package var giveUpSeconds: Int
    /// 0: never.
    package var pauseDays: Int
    package var backlog: Int
    package var retentionHours: Int

    init(from source: SettingsSource) throws(SettingsError) {
        allowedHosts = try source.read(Self.allowedHostsSetting)
        authoritiesFile = try source.read(Self.authoritiesSetting)
        parallelism = try source.read(Self.parallelismSetting)
        retryBaseMilliseconds = try source.read(Self.retryBaseSetting)
        giveUpSeconds = try source.read(Self.giveUpSetting)
        pauseDays = try source.read(Self.pauseSetting)
        backlog = try source.read(Self.backlogSetting)
        retentionHours = try source.read(Self.retentionSetting)
    }

    static let allowedHostsSetting = Setting<String>(
        "PORTCULLIS_WEBHOOK_ALLOWED_HOSTS", format: "HOST, HOST:PORT or ADDRESS/BITS, separated by commas",
        default: "", shownAs: "none: only hosts of the public internet, by https",
        meaning: "Internal targets that webhooks may have, also by plain http."
    ) { text in text.utf8.allSatisfy { (0x20...0x7e).contains($0) } ? text : nil }
    static let authoritiesSetting = Setting.path(
        "PORTCULLIS_WEBHOOK_CA_FILE", default: "", shownAs: "the system's",
        "PEM file of the certificate authorities that webhooks' targets are verified with.")
    static let parallelismSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_PARALLELISM", 1...256, default: 16,
        "Events that are sent at once; at most 4 of them to one webhook, 8 of one organization.")
    static let retryBaseSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_RETRY_BASE_MILLISECONDS", 10...3_600_000, default: 5_000,
        "Pause after the first failure; it grows fourfold each time, up to four hours.")
    static let giveUpSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_GIVE_UP_SECONDS", 1...2_592_000, default: 86_400,
        "How long after an event it is still tried to deliver it.")
    static let pauseSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_PAUSE_DAYS", 0...365, default: 3,
        "A webhook that only failed for so long is switched off; 0 for never.")
    static let backlogSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_BACKLOG", 1...10_000_000, default: 10_000,
        "Events that may wait for one webhook; of more, the oldest fail.")
    static let retentionSetting = Setting.integer(
        "PORTCULLIS_WEBHOOK_RETENTION_HOURS", 1...87_600, default: 168,
        "How long deliveries that ended are shown and can be repeated.")

    static let catalog = [
        allowedHostsSetting.entry, authoritiesSetting.entry, parallelismSetting.entry, retryBaseSetting.entry,
        giveUpSetting.entry, pauseSetting.entry, backlogSetting.entry, retentionSetting.entry,
    ]
}
