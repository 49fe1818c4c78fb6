/// Everything that can be set, validated.
package struct ServiceSettings: Sendable {
    package var listeners: ListenerSettings
    package var storage: StorageSettings
    package var classifier: ClassifierSettings
    package var accounts: AccountSettings
    package var webhooks: WebhookSettings
    package var alerts: AlertSettings
    package var logLevel: String

    package init(from source: SettingsSource) throws(SettingsError) {
        listeners = try ListenerSettings(from: source)
        storage = try StorageSettings(from: source)
        classifier = try ClassifierSettings(from: source)
        accounts = try AccountSettings(from: source)
        webhooks = try WebhookSettings(from: source)
        alerts = try AlertSettings(from: source)
        logLevel = try source.read(Self.logLevelSetting)
    }

    static let configSetting = Setting<String>(
        "PORTCULLIS_CONFIG", format: "a path", default: "", shownAs: "no file",
        meaning: "File with KEY=VALUE lines for the same keys; the environment wins over it."
    ) { $0 }
    static let logLevelSetting = Setting.choice(
        "PORTCULLIS_LOG_LEVEL", ["debug", "info", "warning", "error"], default: "info",
        "The least grave log lines that are written.")

    /// Every key, in the order in which `serve --help` lists them.
    package static let catalog: [CatalogEntry] =
        [configSetting.entry] + ListenerSettings.catalog + StorageSettings.catalog + ClassifierSettings.catalog
        + AccountSettings.catalog + WebhookSettings.catalog + AlertSettings.catalog + [logLevelSetting.entry]
}

/// The two HTTP listeners and their limits.
package struct ListenerSettings: Sendable {
    package var publicAddress: String
    package var privateAddress: String
    /// Scheme and host of the URLs that are given out; nil for those by which a request came.
    package var publicURL: String?
    /// Without a token the private listener is off.
    package var privateToken: String?
    package var connections: Int
    package var headerTimeoutMilliseconds: Int
    package var idleTimeoutMilliseconds: Int
    package var bodyMinimumBytesPerSecond: Int
    package var bodyRateWindowMilliseconds: Int
    package var shutdownGraceMilliseconds: Int
    package var blockingThreads: Int

    init(from source: SettingsSource) throws(SettingsError) {
        publicAddress = try source.read(Self.publicAddressSetting)
        privateAddress = try source.read(Self.privateAddressSetting)
        privateToken = try source.read(Self.privateTokenSetting)
        publicURL = try source.read(Self.publicURLSetting)
        connections = try source.read(Self.connectionsSetting)
        headerTimeoutMilliseconds = try source.read(Self.headerTimeoutSetting)
        idleTimeoutMilliseconds = try source.read(Self.idleTimeoutSetting)
        bodyMinimumBytesPerSecond = try source.read(Self.bodyRateSetting)
        bodyRateWindowMilliseconds = try source.read(Self.bodyWindowSetting)
        shutdownGraceMilliseconds = try source.read(Self.shutdownGraceSetting)
        blockingThreads = try source.read(Self.blockingThreadsSetting)
    }

    static let publicAddressSetting = Setting.address(
        "PORTCULLIS_LISTEN", default: "127.0.0.1:8080", "Where the public API listens; port 0 picks a free one.")
    static let privateAddressSetting = Setting.address(
        "PORTCULLIS_PRIVATE_LISTEN", default: "127.0.0.1:8081", "Where the private API and the metrics listen.")
    static let privateTokenSetting = Setting.secret(
        "PORTCULLIS_PRIVATE_TOKEN", minimumLength: 16, shownAs: "none: the private listener is off",
        "Bearer token of the private API.")
    static let publicURLSetting = Setting<String?>(
        "PORTCULLIS_PUBLIC_URL", format: "http://HOST or https://HOST, without a path", default: nil,
        shownAs: "http:// and the request's Host",
        meaning: "Scheme and host of the signed URLs that are given out; to be set behind a proxy that ends TLS."
    ) { text in
        let rest = ["https://", "http://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.utf8.count) }
        let isAuthority = rest.map { rest in
            !rest.isEmpty
                && rest.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                        || "-._:[]".utf8.contains(byte)
                }
        }
        return isAuthority == true && text.utf8.count <= 255 ? .some(text) : .none
    }
    static let connectionsSetting = Setting.integer(
        "PORTCULLIS_CONNECTIONS", 8...65_536, default: 2_048, "Connections at once, on each listener.")
    static let headerTimeoutSetting = Setting.integer(
        "PORTCULLIS_HEADER_TIMEOUT_MILLISECONDS", 100...600_000, default: 10_000,
        "Time for a request's header section to arrive.")
    static let idleTimeoutSetting = Setting.integer(
        "PORTCULLIS_IDLE_TIMEOUT_MILLISECONDS", 100...3_600_000, default: 60_000,
        "How long a connection may stay open between requests.")
    static let bodyRateSetting = Setting.integer(
        "PORTCULLIS_BODY_MINIMUM_BYTES_PER_SECOND", 0...1_000_000_000, default: 1_024,
        "A body slower than this over the window below is given up (408); 0 for no limit.")
    static let bodyWindowSetting = Setting.integer(
        "PORTCULLIS_BODY_RATE_WINDOW_MILLISECONDS", 100...600_000, default: 30_000,
        "Window over which a body's rate is measured.")
    static let shutdownGraceSetting = Setting.integer(
        "PORTCULLIS_SHUTDOWN_GRACE_MILLISECONDS", 0...3_600_000, default: 30_000,
        "Time for requests in flight to finish after SIGTERM.")
    static let blockingThreadsSetting = Setting.integer(
        "PORTCULLIS_BLOCKING_THREADS", 2...512, default: 32, "Threads for file and database work.")

    static let catalog = [
        publicAddressSetting.entry, privateAddressSetting.entry, privateTokenSetting.entry, publicURLSetting.entry,
        connectionsSetting.entry,
        headerTimeoutSetting.entry, idleTimeoutSetting.entry, bodyRateSetting.entry, bodyWindowSetting.entry,
        shutdownGraceSetting.entry, blockingThreadsSetting.entry,
    ]
}

/// Where data is kept.
package struct StorageSettings: Sendable {
    package var dataDirectory: String
    /// How long the content of rejected uploads is kept for an appeal; 0: not at all.
    package var rejectedRetentionDays: Int
    /// How long a scan answers for the same bytes; 0: not at all.
    package var verdictRetentionDays: Int
    /// Most verdicts that are kept, of all organizations together.
    package var maximumVerdicts: Int
    /// Contents up to this many bytes are kept in the database, larger ones in files; 0: all in files.
    package var maximumBytesInDatabase: Int
    /// Buffers of 1 MiB for bodies that are held in memory until they have to be stored; 0: all get a file at once.
    package var spoolMemoryMegabytes: Int

    init(from source: SettingsSource) throws(SettingsError) {
        dataDirectory = try source.read(Self.dataDirectorySetting)
        rejectedRetentionDays = try source.read(Self.retentionSetting)
        verdictRetentionDays = try source.read(Self.verdictRetentionSetting)
        maximumVerdicts = try source.read(Self.maximumVerdictsSetting)
        maximumBytesInDatabase = try source.read(Self.maximumBytesInDatabaseSetting)
        spoolMemoryMegabytes = try source.read(Self.spoolMemorySetting)
    }

    static let dataDirectorySetting = Setting.path(
        "PORTCULLIS_DATA_DIR", default: "./data", "Directory of the database, the blobs and the spool.")

    static let retentionSetting = Setting.integer(
        "PORTCULLIS_REJECTED_RETENTION_DAYS", 0...3_650, default: 0,
        "How long the content of rejected uploads is kept for an appeal to the operator; 0: it is kept nowhere.")

    static let verdictRetentionSetting = Setting.integer(
        "PORTCULLIS_VERDICT_RETENTION_DAYS", 0...3_650, default: 30,
        "How long a scan answers for an organization's next upload of the same bytes; 0: every upload is scanned.")

    static let maximumVerdictsSetting = Setting.integer(
        "PORTCULLIS_MAX_VERDICTS", 1...1_000_000_000, default: 250_000,
        "How many such scans are kept, of all organizations; the oldest go first.")

    static let maximumBytesInDatabaseSetting = Setting.integer(
        "PORTCULLIS_MAX_BYTES_IN_DATABASE", 0...1_048_576, default: 32_768,
        "Contents up to this many bytes are kept in the database and share its syncs; larger ones have files.")

    static let spoolMemorySetting = Setting.integer(
        "PORTCULLIS_SPOOL_MEMORY_MB", 0...16_384, default: 16,
        "MiB for bodies on their way, one for each: up to 1 MiB is held until it has to be stored; 0: none.")

    static let catalog = [
        dataDirectorySetting.entry, retentionSetting.entry, verdictRetentionSetting.entry,
        maximumVerdictsSetting.entry, maximumBytesInDatabaseSetting.entry, spoolMemorySetting.entry,
    ]
}

/// What organizations may set and spend.
package struct AccountSettings: Sendable {
    package var rateLimitCeiling: Int
    package var selfServiceCredits: Bool
    package var holdSeconds: Int
    /// Per minute and address.
    package var failedAuthenticationLimit: Int
    /// 32 bytes; without them no secrets are kept.
    package var secretsKey: [UInt8]?

    init(from source: SettingsSource) throws(SettingsError) {
        rateLimitCeiling = try source.read(Self.rateLimitCeilingSetting)
        selfServiceCredits = try source.read(Self.selfServiceCreditsSetting)
        holdSeconds = try source.read(Self.holdSecondsSetting)
        failedAuthenticationLimit = try source.read(Self.failedAuthenticationSetting)
        secretsKey = try source.read(Self.secretsKeySetting)
    }

    static let rateLimitCeilingSetting = Setting.integer(
        "PORTCULLIS_RATE_LIMIT_CEILING", 1...1_000_000_000, default: 10_000,
        "The highest rate limit, in requests per minute, that an organization may set for itself.")
    static let selfServiceCreditsSetting = Setting.flag(
        "PORTCULLIS_SELF_SERVICE_CREDITS", default: false,
        "Whether POST /v1/organizations/credits lets an organization grant itself credits.")
    static let holdSecondsSetting = Setting.integer(
        "PORTCULLIS_HOLD_SECONDS", 60...604_800, default: 86_400,
        "After how long the credits held for an upload that never ended are given back.")

    static let failedAuthenticationSetting = Setting.integer(
        "PORTCULLIS_FAILED_AUTHENTICATION_LIMIT", 1...1_000_000, default: 60,
        "Failed authentications per minute after which an address gets 429 for keys that were not good lately.")
    static let secretsKeySetting = Setting<[UInt8]?>.key(
        "PORTCULLIS_SECRETS_KEY", byteCount: 32, shownAs: "none: organizations cannot keep secrets",
        "The key that seals the organizations' secrets (AES-256-GCM). Whoever loses it loses them.")

    static let catalog = [
        rateLimitCeilingSetting.entry, selfServiceCreditsSetting.entry, holdSecondsSetting.entry,
        failedAuthenticationSetting.entry, secretsKeySetting.entry,
    ]
}
