internal import CCrypto

/// Bytes from the library's cryptographically secure generator.
package enum RandomBytes {
    package static func generate(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            unsafe LibCrypto.require(RAND_bytes(base, Int32(count)) == 1, "RAND_bytes")
            initialized = count
        }
    }
}
