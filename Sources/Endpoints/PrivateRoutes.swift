package import Authentication
import Crypto
package import Domain
package import HTTP

/// Routes of the private listener: they need the operator's token, which is compared in constant time.
package struct PrivateRoutes: Sendable {
    private let tokenHash: ContentHash
    private let attempts: FailedAttempts

    /// What a request with another token is answered with.
    package static let wrongToken: Failure = Failure(
        .unauthorized, "The token is not valid.", headers: [("WWW-Authenticate", "Bearer")])

    package init(token: String, attempts: FailedAttempts) {
        self.attempts = attempts
        // Hashes have one length, so that not even the token's length can be told from the time of a comparison.
        tokenHash = SHA256.hash(of: token)
    }

    /// What a handler throws becomes the error envelope.
    package func add(
        _ method: HTTPMethod, _ path: String, to router: inout Router, describedBy description: EndpointDescription,
        _ handler: @escaping @Sendable (Request) async throws(Failure) -> Response
    ) {
        var description = description
        description.failures.formUnion([.unauthorized, .tooManyRequests, .validation])
        let operation = description.operation(security: .operatorToken)
        let query = KnownQuery(of: description)
        router.register(method, path, documentation: operation) { request throws(Failure) in
            try authorize(request.head)
            try query.check(request.head)
            return try await handler(request)
        }
    }

    private func authorize(_ head: RequestHead) throws(Failure) {
        let address = head.remoteAddress
        let hash: ContentHash
        do throws(Failure) {
            hash = SHA256.hash(of: try Authenticator.bearerToken(in: head.headers.values("authorization")))
        } catch {
            try attempts.admit(nil, from: address)
            attempts.noteFailure(of: nil, from: address)
            throw error
        }
        try attempts.admit(hash, from: address)
        guard ConstantTime.areEqual(hash.rawValue, tokenHash.rawValue) else {
            attempts.noteFailure(of: hash, from: address)
            throw Self.wrongToken
        }
        attempts.noteSuccess(of: hash)
    }
}
