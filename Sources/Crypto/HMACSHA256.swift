internal import CCrypto

/// HMAC (RFC 2104) over SHA-256, for what the service signs for itself, such as upload URLs and cursors.
package enum HMACSHA256 {
    /// 32 bytes.
    package static func code(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: SHA256.byteCount)
        var length: UInt32 = 0
        // The library reads key and message and writes at most `byteCount` bytes, all during the call.
        unsafe code.withUnsafeMutableBufferPointer { output in
            unsafe LibCrypto.require(
                HMAC(
                    LibCrypto.sha256, key, Int32(key.count), message, message.count, output.baseAddress, &length)
                    != nil && length == SHA256.byteCount,
                "HMAC")
        }
        return code
    }

    /// Whether `code` is the code of `message`, in time that does not depend on where it differs.
    package static func isValid(_ code: [UInt8], for message: [UInt8], key: [UInt8]) -> Bool {
        ConstantTime.areEqual(code, self.code(for: message, key: key))
    }
}
