import Crypto
package import Database
package import Domain

/// Step 1: finds out who makes a request.
package struct Authenticator: Sendable {
    private let database: any DatabaseDriver
    private let attempts: FailedAttempts
    private let time: any TimeSource

    package init(database: any DatabaseDriver, attempts: FailedAttempts, time: any TimeSource) {
        self.database = database
        self.attempts = attempts
        self.time = time
    }

    /// - Parameters:
    ///   - authorization: the request's `Authorization` fields.
    ///   - address: the client's; it may fail only so often.
    /// - Throws: `unauthorized`, or `rate_limit_exceeded` after too many of these.
    package func caller(authorization: [String], from address: String) throws(Failure) -> Caller {
        let hash: ContentHash
        do throws(Failure) { hash = SHA256.hash(of: try Self.bearerToken(in: authorization)) } catch {
            try attempts.admit(nil, from: address)
            attempts.noteFailure(of: nil, from: address)
            throw error
        }
        try attempts.admit(hash, from: address)
        let caller: Caller? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.apiKeys.caller(hash: hash)
        }
        let now = time.now()
        guard let caller, caller.key.isActive(at: now) else {
            attempts.noteFailure(of: hash, from: address)
            throw .invalidKey
        }
        attempts.noteSuccess(of: hash)
        noteUse(of: caller.key, now: now)
        return caller
    }

    /// Keeps the time of the key's last use, coarsely and beside the request: nothing of the answer depends on it.
    private func noteUse(of key: APIKey, now: Timestamp) {
        guard APIKeyStore.needsTouch(key, now: now) else { return }
        Task { [database] in
            try? await database.write(durability: .relaxed) { transaction throws(DatabaseError) in
                try transaction.apiKeys.touch(key.id, now: now)
            }
        }
    }

    /// The token of the one `Authorization: Bearer` field (RFC 6750).
    package static func bearerToken(in authorization: [String]) throws(Failure) -> String {
        guard let field = authorization.first else {
            throw .unauthorized("The request has no Authorization field; expected \"Authorization: Bearer sk_…\".")
        }
        let parts = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard authorization.count == 1, parts.count == 2, parts[0].lowercased() == "bearer",
            (1...200).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .unauthorized("The Authorization field is malformed; expected \"Authorization: Bearer sk_…\".") }
        return String(parts[1])
    }
}
