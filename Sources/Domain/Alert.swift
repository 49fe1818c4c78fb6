/// What the owner of an organization is told of by mail.
package enum AlertKind: String, CaseIterable, Sendable {
    /// Uploads passed the gate unscanned, or were refused, because the classifier is out of service.
    case gateOutage = "gate.outage"
    /// It is back.
    case gateRecovered = "gate.recovered"
    /// An upload that was admitted was taken out of service.
    case uploadQuarantined = "upload.quarantined"
    /// A share of the month's credits is used up.
    case creditsThreshold = "credits.threshold"
    /// A bearer key will not be good any more soon.
    case keyExpiring = "api_key.expiring"
    /// The gate's settings were changed.
    case gateSettingsChanged = "gate_settings.changed"

    /// The alert that an event is; nil for events that are none.
    package init?(_ kind: EventKind, _ data: JSONObject) {
        switch kind {
        case .uploadQuarantined: self = .uploadQuarantined
        case .creditsThreshold: self = .creditsThreshold
        case .organizationUpdated:
            let flags = ["nsfw_check_enabled", "nsfw_fail_closed"].compactMap { data[$0]?.objectValue }
            guard flags.contains(where: { $0["before"]?.encoded != $0["after"]?.encoded }) else { return nil }
            self = .gateSettingsChanged
        case .uploadAccepted, .uploadRejected, .uploadUnscanned, .uploadReleased: return nil
        }
    }

    /// Whether events of this kind may be alerts.
    package static func concerns(_ kind: EventKind) -> Bool {
        kind == .uploadQuarantined || kind == .creditsThreshold || kind == .organizationUpdated
    }
}

/// Something that the owner of an organization is to be told of.
package struct Alert: Hashable, Sendable {
    /// What it is about, by its public identifier.
    package let subject: String
    package let at: Timestamp
    package let data: JSONObject

    package init(subject: String, at: Timestamp, data: JSONObject) {
        self.subject = subject
        self.at = at
        self.data = data
    }
}

/// What one mail tells: alerts of one kind.
package struct AlertBatch: Sendable {
    package let organization: InternalID
    package let organizationID: OrganizationID
    package let organizationName: String
    package let address: String
    package let kind: AlertKind
    /// The newest ones, the oldest of them first.
    package let alerts: [Alert]
    /// Of all of them.
    package let count: Int
    /// How often it was tried to tell them.
    package let attempts: Int
    /// Of the last one.
    package let sequence: Int64
    /// Shows who tells them.
    package let lease: String

    package init(
        organization: InternalID, organizationID: OrganizationID, organizationName: String, address: String,
        kind: AlertKind, alerts: [Alert], count: Int, attempts: Int, sequence: Int64, lease: String
    ) {
        self.organization = organization
        self.organizationID = organizationID
        self.organizationName = organizationName
        self.address = address
        self.kind = kind
        self.alerts = alerts
        self.count = count
        self.attempts = attempts
        self.sequence = sequence
        self.lease = lease
    }
}
