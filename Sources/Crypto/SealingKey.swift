internal import CCrypto
import Domain

/// A secret key that seals texts at rest: AES-256-GCM (NIST SP 800-38D), which keeps them secret and notices every
/// change of them.
package struct SealingKey: Sendable {
    package static let byteCount = 32
    private static let nonceCount = 12
    private static let tagCount = 16

    private let bytes: [UInt8]

    /// - Parameter bytes: 32 random ones; nil for another number of them.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Tells keys apart without showing anything of them: 16 hexadecimal characters.
    package var fingerprint: String { String(SHA256.hash(of: bytes).rawValue.prefix(16)) }

    /// Nonce (12 bytes), ciphertext, tag (16 bytes). The nonce is random: one key may seal some 2^32 texts.
    ///
    /// - Parameter context: what the text belongs to. It is not stored; `open` needs the same.
    package func seal(_ plaintext: [UInt8], context: [UInt8]) -> [UInt8] {
        let nonce = RandomBytes.generate(Self.nonceCount)
        var cipher = CipherContext(encrypting: true, key: bytes, nonce: nonce)
        cipher.authenticate(context)
        let ciphertext = cipher.update(plaintext)
        return nonce + ciphertext + cipher.finishEncryption(tagCount: Self.tagCount)
    }

    /// The text; nil where the bytes were changed, or sealed with another key or for another context.
    package func open(_ sealed: [UInt8], context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.nonceCount + Self.tagCount else { return nil }
        var cipher = CipherContext(encrypting: false, key: bytes, nonce: Array(sealed.prefix(Self.nonceCount)))
        cipher.authenticate(context)
        let plaintext = cipher.update(Array(sealed.dropFirst(Self.nonceCount).dropLast(Self.tagCount)))
        return cipher.finishDecryption(tag: Array(sealed.suffix(Self.tagCount))) ? plaintext : nil
    }
}

/// One run of the cipher.
@safe private struct CipherContext: ~Copyable {
    private let context: OpaquePointer

    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - nonce: 12 bytes, GCM's own default.
    init(encrypting: Bool, key: [UInt8], nonce: [UInt8]) {
        // Safe: the context is this value's alone, and freed once in deinit.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { fatalError("libcrypto: out of memory") }
        unsafe self.context = context
        unsafe LibCrypto.require(
            EVP_CipherInit_ex2(context, LibCrypto.aes256GCM, key, nonce, encrypting ? 1 : 0, nil) == 1,
            "EVP_CipherInit_ex2")
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    mutating func authenticate(_ bytes: [UInt8]) {
        var count: Int32 = 0
        unsafe LibCrypto.require(
            EVP_CipherUpdate(context, nil, &count, bytes, Int32(bytes.count)) == 1, "EVP_CipherUpdate")
    }

    mutating func update(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        // GCM gives as many bytes as it gets.
        return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialized in
            var count: Int32 = 0
            unsafe LibCrypto.require(
                EVP_CipherUpdate(context, buffer.baseAddress, &count, bytes, Int32(bytes.count)) == 1
                    && Int(count) == bytes.count,
                "EVP_CipherUpdate")
            initialized = bytes.count
        }
    }

    mutating func finishEncryption(tagCount: Int) -> [UInt8] {
        LibCrypto.require(finish(), "EVP_CipherFinal_ex")
        var tag = [UInt8](repeating: 0, count: tagCount)
        unsafe LibCrypto.require(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagCount), &tag) == 1, "EVP_CTRL_AEAD_GET_TAG")
        return tag
    }

    /// Whether the tag is the one of what was deciphered.
    mutating func finishDecryption(tag: [UInt8]) -> Bool {
        var tag = tag
        unsafe LibCrypto.require(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1, "EVP_CTRL_AEAD_SET_TAG")
        return finish()
    }

    private mutating func finish() -> Bool {
        var rest: [UInt8] = Array(repeating: 0, count: 16)
        var count: Int32 = 0
        return unsafe EVP_CipherFinal_ex(context, &rest, &count) == 1
    }
}
