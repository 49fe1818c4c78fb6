package import Domain
package import HTTP

extension RequestHead {
    /// The client's `Idempotency-Key`: a repeat under it within 24 hours gets the first answer.
    package func idempotencyKey() throws(Failure) -> String? {
        let values = headers.values("idempotency-key")
        guard let key = values.first else { return nil }
        guard values.count == 1, (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            throw .validation([
                ValidationError(
                    "idempotency_key", at: ["header", "Idempotency-Key"],
                    "is not one field of 1 to 255 printable ASCII characters")
            ])
        }
        return key
    }
}

extension Failure {
    package static let idempotencyConflict = Failure(
        .idempotencyConflict,
        "The idempotency key was used within the last 24 hours for another file or other fields.",
        details: ["retryable": false])
}
