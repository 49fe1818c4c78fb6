import Crypto
import Testing

@Suite("Sealing")
struct SealingKeyTests {
    private static func bytes(_ hexadecimal: String) throws -> [UInt8] {
        try #require(Hexadecimal.decode(hexadecimal))
    }

    private func key() throws -> SealingKey { try #require(SealingKey(RandomBytes.generate(32))) }

    // NIST CAVS, gcmDecrypt256.rsp: what another implementation sealed, as nonce, ciphertext, tag.
    @Test(
        "Known texts are opened",
        arguments: [
            (
                "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b", "ac93a1a6145299bde902f21a",
                "2d71bcfa914e4ac045b2aa60955fad24", "1e0889016f67601c8ebea4943bc23ad6",
                "8995ae2e6df3dbf96fac7b7137bae67f", "eca5aa77d51d4a0a14d9c51e1da474ab"
            )
        ])
    func knownAnswers(
        key: String, nonce: String, plaintext: String, context: String, ciphertext: String, tag: String
    ) throws {
        let sealing = try #require(SealingKey(Self.bytes(key)))
        let sealed = try Self.bytes(nonce) + Self.bytes(ciphertext) + Self.bytes(tag)
        #expect(try sealing.open(sealed, context: Self.bytes(context)) == Self.bytes(plaintext))
    }

    @Test("What was sealed is opened again, whatever its length", arguments: [0, 1, 15, 16, 17, 1_000, 65_536])
    func roundTrip(count: Int) throws {
        let (key, text, context) = (try key(), RandomBytes.generate(count), Array("context".utf8))
        let sealed = key.seal(text, context: context)
        #expect(sealed.count == count + 28)
        #expect(key.open(sealed, context: context) == text)
    }

    @Test("No two sealings are alike")
    func randomNonce() throws {
        let (key, text) = (try key(), Array("text".utf8))
        #expect(Set((0..<100).map { _ in key.seal(text, context: []) }).count == 100)
    }

    @Test("Any changed bit, another key, another context or a cut is noticed")
    func tampering() throws {
        let (key, text, context) = (try key(), Array("a secret text".utf8), Array("context".utf8))
        let sealed = key.seal(text, context: context)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(key.open(changed, context: context) == nil, "byte \(index)")
        }
        for count in 0..<sealed.count { #expect(key.open(Array(sealed.prefix(count)), context: context) == nil) }
        #expect(key.open(sealed, context: []) == nil)
        #expect(try self.key().open(sealed, context: context) == nil)
    }

    @Test("A key has 32 bytes, and a fingerprint that tells keys apart")
    func keys() throws {
        for count in [0, 16, 31, 33] { #expect(SealingKey([UInt8](repeating: 0, count: count)) == nil) }
        let zero = try #require(SealingKey([UInt8](repeating: 0, count: 32)))
        #expect(zero.fingerprint.count == 16)
        #expect(try zero.fingerprint != key().fingerprint)
    }
}
