package import Domain

/// SHA-256 (FIPS 180-4) of bytes that are at hand.
package enum SHA256 {
    package static let byteCount = 32

    package static func hash(of bytes: RawSpan) -> ContentHash {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    package static func hash(of bytes: [UInt8]) -> ContentHash {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe hash(of: bytes.span.bytes)
    }

    /// Of the text's UTF-8.
    package static func hash(of text: String) -> ContentHash { hash(of: Array(text.utf8)) }

    static func contentHash(_ digest: [UInt8]) -> ContentHash {
        guard let hash = ContentHash(rawValue: Hexadecimal.encode(digest)) else {
            LibCrypto.fail("a digest of 32 bytes")
        }
        return hash
    }
}
