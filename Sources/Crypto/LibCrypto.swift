internal import CCrypto

/// The one checked entry point of libcrypto.
///
/// What this module asks of the library (SHA-256, HMAC over it, random bytes) fails only when memory is exhausted or
/// the installation is broken, never because of input. No caller could go on safely, least of all with bytes that are
/// not random, so a failure ends the process with the library's own code.
enum LibCrypto {
    static func require(_ succeeded: Bool, _ operation: StaticString) {
        guard succeeded else {
            fatalError("libcrypto: \(operation) failed with code 0x\(String(ERR_get_error(), radix: 16))")
        }
    }

    /// SHA-256, looked up once: the look-up takes a lock and a search through the providers.
    // The pointer is written once, before its first use, and the object behind it is immutable and never freed.
    nonisolated(unsafe) static let sha256: OpaquePointer = {
        guard let digest = unsafe EVP_MD_fetch(nil, "SHA256", nil) else {
            fatalError("libcrypto: SHA-256 is not available, code 0x\(String(ERR_get_error(), radix: 16))")
        }
        return unsafe digest
    }()
}
