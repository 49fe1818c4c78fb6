extension Failure {
    /// No good key. The message is the same for an unknown, a revoked and an expired one, so that it tells nothing about
    /// keys to somebody who has none.
    package static let invalidKey = unauthorized("The bearer key is not valid.")

    package static func unauthorized(_ message: String) -> Failure {
        Failure(.unauthorized, message, headers: [("WWW-Authenticate", "Bearer")])
    }

    /// A key that was good when the request began.
    package static let organizationDeleted = Failure(.unauthorized, "The organization was deleted.")

    /// A good key that may not do this.
    package static func forbidden(_ needed: Permission) -> Failure {
        Failure(
            .forbidden, "The key lacks the permission \"\(needed.rawValue)\".",
            details: ["required_permission": .string(needed.rawValue)])
    }
}
