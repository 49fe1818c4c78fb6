internal import Crypto
internal import Domain
internal import Glibc

/// Reads whole files without Foundation, which the sandboxed process does without.
enum FileReader {
    static func read(_ path: String, maximumBytes: Int) throws(ModelError) -> [UInt8] {
        let descriptor = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure(path) }
        // Nothing was written, so a failing close loses nothing.
        defer { _ = close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(file: path, reason: "not a regular file") }
        let size = Int(status.st_size)
        guard size <= maximumBytes else {
            throw .unreadable(file: path, reason: "\(size) bytes; at most \(maximumBytes) are accepted")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                // In bounds: `filled` < `size`.
                retrying { unsafe Glibc.read(descriptor, buffer.baseAddress! + filled, size - filled) }
            }
            guard count >= 0 else { throw failure(path) }
            guard count > 0 else { throw .unreadable(file: path, reason: "it became shorter while it was read") }
            filled += count
        }
        return bytes
    }

    /// The bytes of an ONNX file that has this hash.
    static func readModel(_ path: String, sha256: ContentHash) throws(ModelError) -> [UInt8] {
        let bytes = try read(path, maximumBytes: 2_147_483_647)
        let found = SHA256.hash(of: bytes)
        guard found == sha256 else { throw .wrongHash(file: path, expected: sha256.rawValue, found: found.rawValue) }
        return bytes
    }

    private static func failure(_ path: String) -> ModelError {
        .unreadable(file: path, reason: unsafe String(cString: strerror(errno)))
    }

    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }
}
