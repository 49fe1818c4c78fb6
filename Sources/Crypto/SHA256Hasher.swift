internal import CCrypto
package import Domain

/// SHA-256 (FIPS 180-4) of bytes that arrive piece by piece.
@safe package struct SHA256Hasher: ~Copyable {
    private let context: OpaquePointer

    package init() {
        // Safe: the context is this value's alone, and freed once in deinit.
        guard let context = unsafe EVP_MD_CTX_new() else { LibCrypto.fail("EVP_MD_CTX_new") }
        unsafe self.context = context
        begin()
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    private func begin() {
        unsafe LibCrypto.require(EVP_DigestInit_ex2(context, LibCrypto.sha256, nil) == 1, "EVP_DigestInit_ex2")
    }

    package mutating func update(_ bytes: RawSpan) {
        // The library reads the bytes during the call only.
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            unsafe LibCrypto.require(EVP_DigestUpdate(context, base, buffer.count) == 1, "EVP_DigestUpdate")
        }
    }

    package mutating func update(_ bytes: [UInt8]) {
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe update(bytes.span.bytes)
    }

    /// The hash of all bytes since the beginning or the last `finalize()`; begins anew.
    package mutating func finalize() -> ContentHash {
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        unsafe digest.withUnsafeMutableBufferPointer { buffer in
            var length: UInt32 = 0
            unsafe LibCrypto.require(
                EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1 && length == SHA256.byteCount,
                "EVP_DigestFinal_ex")
        }
        begin()
        return SHA256.contentHash(digest)
    }
}
