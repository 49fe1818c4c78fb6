/// Where an organization wants its events sent.
package struct Webhook: Hashable, Sendable {
    package let id: WebhookID
    package let organization: InternalID
    /// Unique within the organization.
    package var name: String
    /// As they were given: our own names, or the official API's.
    package var eventTypes: [String]
    /// nil for every type of resource.
    package var resourceTypes: [String]?
    package var url: String
    /// Of the request headers that are sent beside our own; their values are sealed.
    package var headerNames: [String]
    package var timeoutMilliseconds: Int
    /// The signing secrets and the headers' values.
    package var sealed: [UInt8]
    /// Which key sealed them.
    package var keyFingerprint: String
    package var isActive: Bool
    package var health = DeliveryHealth()
    package let createdAt: Timestamp
    package var updatedAt: Timestamp

    package init(
        id: WebhookID, organization: InternalID, name: String, eventTypes: [String], resourceTypes: [String]?,
        url: String, headerNames: [String], timeoutMilliseconds: Int, sealed: [UInt8], keyFingerprint: String,
        isActive: Bool, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.organization = organization
        self.name = name
        self.eventTypes = eventTypes
        self.resourceTypes = resourceTypes
        self.url = url
        self.headerNames = headerNames
        self.timeoutMilliseconds = timeoutMilliseconds
        self.sealed = sealed
        self.keyFingerprint = keyFingerprint
        self.isActive = isActive
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Whether an attempt that began with `earlier` says something of this one: nothing of it was changed since then.
    /// What is sealed is sealed anew, and differently, by every change.
    package func isTarget(of earlier: Webhook) -> Bool {
        id == earlier.id && url == earlier.url && updatedAt == earlier.updatedAt && sealed == earlier.sealed
    }

    /// What it is told of.
    package var kinds: Set<EventKind> {
        let named = Set(eventTypes.flatMap { EventKind.named($0) })
        guard let resourceTypes, !resourceTypes.isEmpty else { return named }
        return named.filter { resourceTypes.contains($0.resourceType) }
    }
}

/// How deliveries to a webhook go: the failures since the last success.
package struct DeliveryHealth: Hashable, Sendable {
    package var failures = 0
    package var firstFailureAt: Timestamp?
    package var lastFailureAt: Timestamp?
    package var lastFailureCause: String?
    /// Until then it is left in peace.
    package var retryAt: Timestamp?
    package var pausedAt: Timestamp?
    package var pausedReason: String?

    package init() {}

    /// From this many failures on a webhook may be switched off.
    private static let failuresBeforePause = 3

    /// Counts a failure.
    ///
    /// Failures tell of an outage as long as they follow each other: after a silence of more than half the time that a
    /// webhook may fail, nobody knows how it went meanwhile, and the count begins anew.
    /// - Parameters:
    ///   - retryAt: until when a webhook with so many failures is left in peace; a pause that is longer stays.
    ///   - pausesAfterMilliseconds: how long it may fail; nil for as long as it likes.
    /// - Returns: whether it has failed for so long.
    package mutating func noteFailure(
        _ cause: String?, retryAt: (_ failures: Int) -> Timestamp?, pausesAfterMilliseconds: Int64?, now: Timestamp
    ) -> Bool {
        if let pausesAfterMilliseconds, let lastFailureAt,
            lastFailureAt.adding(milliseconds: pausesAfterMilliseconds / 2) < now
        {
            self = DeliveryHealth()
        }
        failures += 1
        firstFailureAt = firstFailureAt ?? now
        (lastFailureAt, lastFailureCause) = (now, cause)
        self.retryAt = [self.retryAt, retryAt(failures)].compactMap { $0 }.max()
        guard let pausesAfterMilliseconds, let firstFailureAt, failures >= Self.failuresBeforePause else {
            return false
        }
        return firstFailureAt.adding(milliseconds: pausesAfterMilliseconds) <= now
    }
}

extension EventKind {
    /// Names of the official API, for clients that know no others, and what they stand for here.
    private static let officialNames: [(name: String, kinds: [EventKind])] = [
        ("object.created", [.uploadAccepted, .uploadUnscanned]),
        ("object.updated", [.uploadQuarantined, .uploadReleased]),
        ("resource.execution_failed", [.uploadRejected]),
        ("alert.triggered", [.creditsThreshold]),
        ("manifest.apply.resource_state", [.organizationUpdated]),
    ]

    /// Every name of an event that a webhook may be told of.
    package static let names = allCases.map(\.rawValue) + officialNames.map(\.name)

    /// What a name stands for; nothing for an unknown one.
    package static func named(_ name: String) -> [EventKind] {
        EventKind(rawValue: name).map { [$0] } ?? officialNames.first { $0.name == name }?.kinds ?? []
    }

    package static let resourceTypes = ["upload", "credits", "organization"]
}

/// One event on its way to one webhook, and how it went.
package struct Delivery: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case pending, delivered, failed
    }

    package let id: DeliveryID
    package let webhook: WebhookID
    package let event: Event
    package let createdAt: Timestamp
    package var status: Status
    /// Those that ended.
    package var attempts: Int
    /// nil once it is over.
    package var nextAttemptAt: Timestamp?
    package var lastAttemptAt: Timestamp?
    package var finishedAt: Timestamp?
    /// HTTP's, of the last attempt; nil where no answer came.
    package var responseStatus: Int?
    /// The beginning of the last answer's body.
    package var responseExcerpt: String?
    package var lastError: String?

    package init(
        id: DeliveryID, webhook: WebhookID, event: Event, createdAt: Timestamp, status: Status, attempts: Int,
        nextAttemptAt: Timestamp?, lastAttemptAt: Timestamp?, finishedAt: Timestamp?, responseStatus: Int?,
        responseExcerpt: String?, lastError: String?
    ) {
        self.id = id
        self.webhook = webhook
        self.event = event
        self.createdAt = createdAt
        self.status = status
        self.attempts = attempts
        self.nextAttemptAt = nextAttemptAt
        self.lastAttemptAt = lastAttemptAt
        self.finishedAt = finishedAt
        self.responseStatus = responseStatus
        self.responseExcerpt = responseExcerpt
        self.lastError = lastError
    }
}
