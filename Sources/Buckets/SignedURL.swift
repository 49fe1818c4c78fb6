import Crypto
import Domain
import HTTP

/// A URL that carries its own permission: HMAC-SHA-256, under a secret that only the upload has, over method, path,
/// content type, size limit and expiry. It needs no other credential.
struct SignedURL: Sendable {
    enum Method: String, CaseIterable, Sendable {
        /// Sends the bytes; HEAD on the same URL tells how many have arrived.
        case put = "PUT"
        /// Reads the content.
        case get = "GET"
    }

    let method: Method
    let expiresAt: Timestamp
    /// The most bytes that may be sent; 0 for a URL that reads.
    let maximumBytes: Int64

    /// How long a URL that reads is good for.
    static let readingSeconds: Int64 = 3_600

    static func path(of upload: BucketUpload) -> String {
        "/v1/buckets/\(upload.announcement.bucket)/uploads/\(upload.id.rawValue)/content"
    }

    /// `base` is scheme and host.
    func text(for upload: BucketUpload, base: String) -> String {
        "\(base)\(Self.path(of: upload))?method=\(method.rawValue)&expires=\(expiresAt.seconds)"
            + "&limit=\(maximumBytes)&signature=\(Hexadecimal.encode(code(for: upload)))"
    }

    private func code(for upload: BucketUpload) -> [UInt8] {
        let message = [
            method.rawValue, Self.path(of: upload), upload.announcement.contentType, String(maximumBytes),
            String(expiresAt.seconds),
        ].joined(separator: "\n")
        return HMACSHA256.code(for: Array(message.utf8), key: upload.secret)
    }

    private init(method: Method, expiresAt: Timestamp, maximumBytes: Int64) {
        self.method = method
        self.expiresAt = expiresAt
        self.maximumBytes = maximumBytes
    }

    init(sendingTo upload: BucketUpload, tier: Tier) {
        self.init(
            method: .put, expiresAt: upload.createdAt.adding(seconds: upload.announcement.expirationSeconds),
            maximumBytes: upload.announcement.size ?? tier.maximumFileBytes)
    }

    init(readingAt now: Timestamp) {
        self.init(method: .get, expiresAt: now.adding(seconds: Self.readingSeconds), maximumBytes: 0)
    }

    /// What a request's query claims; its signature is a claim too until `isSigned` holds.
    struct Claim: Sendable {
        let url: SignedURL
        private let signature: [UInt8]

        init?(_ query: QueryItems) {
            guard query.count == 4, let method = query["method"].flatMap(Method.init(rawValue:)),
                let expires = query["expires"].flatMap(Claim.number), let limit = query["limit"].flatMap(Claim.number),
                let signature = query["signature"].flatMap(Hexadecimal.decode)
            else { return nil }
            url = SignedURL(
                method: method, expiresAt: Timestamp(milliseconds: expires * 1_000), maximumBytes: limit)
            self.signature = signature
        }

        /// Digits only, and few enough that seconds fit as milliseconds.
        private static func number(_ text: String) -> Int64? {
            guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return Int64(text)
        }

        func isSigned(for upload: BucketUpload) -> Bool {
            ConstantTime.areEqual(signature, url.code(for: upload))
        }
    }
}
