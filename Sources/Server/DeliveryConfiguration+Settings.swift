import BlobStore
import Database
import Delivery
import Domain
import Settings
import Telemetry
import Tenancy
import Transfer

extension DeliveryConfiguration {
    init(_ settings: WebhookSettings, _ targets: TargetRules) {
        self.init(
            rules: targets, authoritiesFile: settings.authoritiesFile.isEmpty ? nil : settings.authoritiesFile,
            parallelism: settings.parallelism,
            schedule: RetrySchedule(
                baseMilliseconds: settings.retryBaseMilliseconds, giveUpSeconds: settings.giveUpSeconds),
            pauseAfterMilliseconds: settings.pauseDays == 0 ? nil : Int64(settings.pauseDays) * 86_400_000,
            backlog: settings.backlog, retentionMilliseconds: Int64(settings.retentionHours) * 3_600_000)
    }
}

extension Service {
    static func dispatcher(
        _ settings: WebhookSettings, _ targets: TargetRules, _ vault: SecretVault?, _ database: any DatabaseDriver,
        _ blobs: LocalBlobStore, _ time: any TimeSource, _ log: Logger, _ metrics: MetricsRegistry
    ) -> WebhookDispatcher {
        WebhookDispatcher(
            database: database, vault: vault?.webhooks, configuration: DeliveryConfiguration(settings, targets),
            node: blobs.nodeID, userAgent: "Portcullis/\(HelpText.version)", time: time, log: log, metrics: metrics)
    }

    static func targets(_ settings: WebhookSettings) throws -> TargetRules {
        guard let rules = TargetRules(allowed: settings.allowedHosts) else {
            throw ConfigurationError(
                "PORTCULLIS_WEBHOOK_ALLOWED_HOSTS: \"\(settings.allowedHosts)\" is not HOST, HOST:PORT or ADDRESS/BITS, "
                    + "separated by commas; the default is none")
        }
        return rules
    }
}
