/// An event: `evt_` + 20 characters. It stays the same however often the event is sent.
package struct EventID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// A webhook: `wh_` + 16 hexadecimal characters.
package struct WebhookID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// One event on its way to one webhook: `dlv_` + 20 characters. A redelivery is another one.
package struct DeliveryID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// What an organization's own systems, or its people, are told of.
package enum EventKind: String, CaseIterable, Sendable {
    /// An upload is in service, with nothing left to be found out: at once, or after the late scan of one that was
    /// admitted unscanned.
    case uploadAccepted = "upload.accepted"
    /// The gate refused an upload.
    case uploadRejected = "upload.rejected"
    /// An upload is in service without the scan that its organization asks for.
    case uploadUnscanned = "upload.unscanned"
    /// An upload was taken out of service because of what its late scan found.
    case uploadQuarantined = "upload.quarantined"
    /// An upload came out of the quarantine and is in service.
    case uploadReleased = "upload.released"
    /// A share of the month's allowance is used up.
    case creditsThreshold = "credits.threshold"
    /// The organization's settings were changed.
    case organizationUpdated = "organization.updated"

    /// What it is about: `upload`, `credits` or `organization`.
    package var resourceType: String { String(rawValue.prefix { $0 != "." }) }
}

/// Something that happened to an organization.
package struct Event: Hashable, Sendable {
    package let id: EventID
    /// Rises with every event; events about one subject are told in this order.
    package let sequence: Int64
    package let organization: InternalID
    package let organizationID: OrganizationID
    package let kind: EventKind
    /// What it is about: an upload's public identifier, or the organization's.
    package let subject: String
    package let createdAt: Timestamp
    /// As the API shows the same things.
    package let data: JSONObject

    package init(
        id: EventID, sequence: Int64, organization: InternalID, organizationID: OrganizationID, kind: EventKind,
        subject: String, createdAt: Timestamp, data: JSONObject
    ) {
        self.id = id
        self.sequence = sequence
        self.organization = organization
        self.organizationID = organizationID
        self.kind = kind
        self.subject = subject
        self.createdAt = createdAt
        self.data = data
    }
}
