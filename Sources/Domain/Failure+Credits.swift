extension Failure {
    /// The credits of an upload may be somebody else's by now.
    package static let holdExpired = Failure(
        .deadlineExceeded, "The upload took longer than its credits were held.", retryAfterSeconds: 1)

    /// - Parameter ownHold: credits that the upload itself holds, which are available to it.
    package static func insufficientCredits(
        required: Int64, _ balance: CreditBalance, ownHold: Int64 = 0
    ) -> Failure {
        let available = balance.available.map { $0 + ownHold }
        return Failure(
            .insufficientCredits,
            "The upload costs \(required) credits; \(available ?? 0) are available until "
                + "\(balance.period.end.iso8601).",
            details: [
                "required": .integer(required), "available": JSONValue(available),
                "period_end": JSONValue(balance.period.end), "retryable": false,
            ])
    }
}
