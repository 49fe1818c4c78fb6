import Authentication
import Crypto
package import Domain
package import HTTP

/// Routes of the private listener: they need the operator's token, which is compared in constant time.
package struct PrivateRoutes: Sendable {
    private let tokenHash: String

    /// What a request with another token is answered with.
    package static let wrongToken: Failure = Failure(
        .unauthorized, "The token is not valid.", headers: [("WWW-Authenticate", "Bearer")])

    package init(token: String) {
        // Hashes have one length, so that not even the token's length can be told from the time of a comparison.
        tokenHash = SHA256.hash(of: token).rawValue
    }

    /// What a handler throws becomes the error envelope.
    package func add(
        _ method: HTTPMethod, _ path: String, to router: inout Router,
        _ handler: @escaping @Sendable (Request) async throws(Failure) -> Response
    ) {
        router.register(method, path) { request throws(Failure) in
            try authorize(request)
            return try await handler(request)
        }
    }

    private func authorize(_ request: Request) throws(Failure) {
        let token = try Authenticator.bearerToken(in: request.head.headers.values("authorization"))
        guard ConstantTime.areEqual(SHA256.hash(of: token).rawValue, tokenHash) else {
            throw Self.wrongToken
        }
    }
}
