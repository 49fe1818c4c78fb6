internal import CCrypto
internal import Glibc

/// The one checked entry point of libcrypto.
///
/// What this module asks of the library (SHA-256, HMAC over it, AES-256-GCM, random bytes) fails only when memory is exhausted or
/// the installation is broken, never because of input. No caller could go on safely, least of all with bytes that are
/// not random, so a failure ends the process, in every build mode, with the library's own code on standard error.
enum LibCrypto {
    static func require(_ succeeded: Bool, _ operation: StaticString) {
        if !succeeded { fail(operation) }
    }

    static func fail(_ operation: StaticString) -> Never {
        let message = Array("libcrypto: \(operation) failed, code 0x\(String(ERR_get_error(), radix: 16))\n".utf8)
        // The call reads the array only; whether the message arrives makes no difference any more.
        _ = unsafe write(STDERR_FILENO, message, message.count)
        abort()
    }

    /// SHA-256, looked up once: the look-up takes a lock and a search through the providers.
    // The pointer is written once, before its first use, and the object behind it is immutable and never freed.
    nonisolated(unsafe) static let sha256: OpaquePointer = {
        guard let digest = unsafe EVP_MD_fetch(nil, "SHA256", nil) else { fail("EVP_MD_fetch") }
        return unsafe digest
    }()

    /// AES-256-GCM, looked up once like SHA-256.
    // The pointer is written once, before its first use, and the object behind it is immutable and never freed.
    nonisolated(unsafe) static let aes256GCM: OpaquePointer = {
        guard let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
            fatalError("libcrypto: AES-256-GCM is not available, code 0x\(String(ERR_get_error(), radix: 16))")
        }
        return unsafe cipher
    }()
}
