import Domain
import Glibc

/// A file that was named on the command line, open for reading and closed with its last reference.
final class LocalFile: Sendable {
    let descriptor: CInt
    /// By its content.
    let mediaType: MediaType

    /// The error says what is wrong, without the path.
    init(_ path: String) throws(ConfigurationError) {
        // A pipe that nobody writes to must not keep the command waiting.
        let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw Self.failure("opened") }
        var prefix = [UInt8](repeating: 0, count: MediaType.sniffLength)
        let count = unsafe prefix.withUnsafeMutableBytes { unsafe pread(opened, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else {
            let failure = Self.failure("read")
            close(opened)
            throw failure
        }
        descriptor = opened
        mediaType = MediaType(sniffing: Array(prefix.prefix(count)))
    }

    deinit { close(descriptor) }

    private static func failure(_ verb: String) -> ConfigurationError {
        ConfigurationError("cannot be \(verb): \(unsafe String(cString: strerror(errno)))")
    }
}
