import Crypto
import Domain
import Testing

@Suite struct CryptoTests {
    @Test("SHA-256 gives the digests of FIPS 180-4's examples")
    func sha256Examples() {
        let examples = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ]
        for (text, digest) in examples {
            #expect(SHA256.hash(of: text).rawValue == digest)
        }
        let million = [UInt8](repeating: 0x61, count: 1_000_000)
        #expect(
            SHA256.hash(of: million).rawValue == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("Hashing piece by piece gives the hash of the whole, whatever the pieces")
    func incremental() {
        let bytes = RandomBytes.generate(100_000)
        let whole = SHA256.hash(of: bytes)
        var hasher = SHA256Hasher()
        for size in [1, 63, 64, 65, 1000, 65_536] {
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + size, bytes.count)
                hasher.update(Array(bytes[offset..<end]))
                hasher.update([])
                offset = end
            }
            #expect(hasher.finalize() == whole, "pieces of \(size) bytes, by a hasher that is used again")
        }
    }

    @Test("HMAC-SHA256 gives the codes of RFC 4231")
    func hmacExamples() {
        let one = HMACSHA256.code(for: Array("Hi There".utf8), key: [UInt8](repeating: 0x0b, count: 20))
        #expect(Hexadecimal.encode(one) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        let two = HMACSHA256.code(for: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(Hexadecimal.encode(two) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let longKey = HMACSHA256.code(
            for: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            key: [UInt8](repeating: 0xaa, count: 131))
        #expect(Hexadecimal.encode(longKey) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("An empty key and an empty message have a code, and a code of another length is not valid")
    func hmacEdges() {
        let code = HMACSHA256.code(for: [], key: [])
        #expect(Hexadecimal.encode(code) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
        #expect(HMACSHA256.isValid(code, for: [], key: []))
        #expect(!HMACSHA256.isValid(Array(code.dropLast()), for: [], key: []))
        #expect(!HMACSHA256.isValid(code, for: [0], key: []))
    }

    @Test("Constant-time comparison agrees with ordinary comparison")
    func constantTime() {
        #expect(ConstantTime.areEqual("", ""))
        #expect(ConstantTime.areEqual("sk_same", "sk_same"))
        #expect(!ConstantTime.areEqual("sk_same", "sk_samf"))
        #expect(!ConstantTime.areEqual("sk_same", "sk_sam"))
        #expect(!ConstantTime.areEqual("", "a"))
    }

    @Test("Identifiers have their prefix, their length and only base62 characters")
    func identifierShapes() {
        let shapes: [(String, String, Int)] = [
            (RandomID.organizationID().rawValue, "org_", 11), (RandomID.internalID().rawValue, "int_", 22),
            (RandomID.uploadID().rawValue, "upl_", 20), (RandomID.holdID().rawValue, "hold_", 20),
            (RandomID.keyID().rawValue, "key_", 16), (RandomID.userID().rawValue, "usr_", 16),
            (RandomID.auditID(), "aud_", 20), (RandomID.requestID(), "req_", 16),
            (RandomID.nodeID(), "node_", 11), (RandomID.secretKey(), "sk_", 43),
        ]
        for (id, prefix, count) in shapes {
            #expect(id.hasPrefix(prefix))
            let rest = id.dropFirst(prefix.count)
            #expect(rest.count == count)
            #expect(rest.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        }
        #expect(Set((0..<10_000).map { _ in RandomID.uploadID() }).count == 10_000)
    }

    // The database keeps its rows in the order of these: new ones go to the end, and not anywhere.
    @Test("Identifiers of uploads sort by the time of their making")
    func timeOrder() async throws {
        var made: [String] = []
        for _ in 0..<20 {
            made.append(RandomID.uploadID().rawValue)
            try await Task.sleep(for: .milliseconds(3))
        }
        #expect(made == made.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    }

    // A plain `byte % 62` would draw the first eight characters 5/4 as often: a chi-square of about 10,000 here.
    @Test("Each of the 62 characters is equally likely")
    func unbiased() {
        let count = 620_000
        var frequency: [Character: Int] = [:]
        for character in RandomID.base62(count) { frequency[character, default: 0] += 1 }
        #expect(frequency.count == 62)
        let expected = Double(count) / 62
        let chiSquare = frequency.values.reduce(0.0) {
            $0 + (Double($1) - expected) * (Double($1) - expected) / expected
        }
        // 61 degrees of freedom: above 140 once in ten million runs.
        #expect(chiSquare < 140)
    }

    @Test("Hexadecimal text round-trips, and odd or foreign text is refused")
    func hexadecimal() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes)
        #expect(Hexadecimal.decode("ABcd") == [0xab, 0xcd])
        #expect(Hexadecimal.decode("abc") == nil)
        #expect(Hexadecimal.decode("0g") == nil)
    }
}
