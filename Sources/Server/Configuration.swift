import Glibc
import Settings

/// The settings do not hold, or what they name cannot be used.
struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Reads the settings of this process.
enum Configuration {
    static func load() throws(ConfigurationError) -> ServiceSettings {
        let environment = try environment()
        var file: (name: String, text: String)?
        if let path = environment["PORTCULLIS_CONFIG"], !path.isEmpty {
            file = (path, String(decoding: try contents(of: path), as: UTF8.self))
        }
        do {
            return try ServiceSettings(
                from: SettingsSource(environment: environment, file: file, known: ServiceSettings.catalog))
        } catch { throw ConfigurationError(error.description) }
    }

    /// The environment as the kernel keeps it: the C library's global variable may be written by any thread.
    private static func environment() throws(ConfigurationError) -> [String: String] {
        var environment: [String: String] = [:]
        for entry in try contents(of: "/proc/self/environ").split(separator: 0) {
            let parts = entry.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            environment[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
        }
        return environment
    }

    static func contents(of path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ConfigurationError("\(path) cannot be read: \(errorText())") }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while contents.count < 128 << 20 {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw ConfigurationError("\(path) cannot be read: \(errorText())") }
            if count == 0 { break }
            contents += buffer[..<count]
        }
        return contents
    }

    private static func errorText() -> String { unsafe String(cString: strerror(errno)) }
}
