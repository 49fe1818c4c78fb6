package import Database
import Domain

/// Who works on the operator's side, and from where.
package struct OperatorAuthor: Sendable {
    /// `operator` or `command_line`.
    package var actor: String
    package var requestID: String
    package var origin: AuditOrigin?

    package init(actor: String, requestID: String, origin: AuditOrigin? = nil) {
        self.actor = actor
        self.requestID = requestID
        self.origin = origin
    }

    func trail(of organization: InternalID, at moment: Timestamp) -> AuditTrail {
        AuditTrail(organization: organization, actor: actor, requestID: requestID, at: moment, origin: origin)
    }
}
