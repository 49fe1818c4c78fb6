import Glibc

/// Numbers that the kernel gives about this process in /proc/self/status.
struct ProcessStatus {
    let threads: Int
    let virtualMemoryBytes: UInt64

    init() throws(SandboxError) {
        // The overlay's open takes a C string, which the literal is.
        let descriptor = unsafe open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .processStatusUnavailable("error \(errno)") }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            // The kernel writes at most the buffer's size.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .processStatusUnavailable("error \(errno)") }
            guard count > 0 else { break }
            text += buffer.prefix(count)
        }
        let lines = text.split(separator: UInt8(ascii: "\n"))
        threads = Int(try Self.number("Threads:", in: lines))
        virtualMemoryBytes = try Self.number("VmSize:", in: lines) * 1024
    }

    private static func number(_ field: String, in lines: [ArraySlice<UInt8>]) throws(SandboxError) -> UInt64 {
        for line in lines where line.starts(with: field.utf8) {
            let digits = line.drop { !(0x30...0x39).contains($0) }.prefix { (0x30...0x39).contains($0) }
            if let number = UInt64(String(decoding: digits, as: UTF8.self)) { return number }
        }
        throw .processStatusUnavailable("no \(field)")
    }
}
