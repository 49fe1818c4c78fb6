/// Which walls of the sandbox stand around a worker.
package struct SandboxFeatures: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// System calls outside a short list kill the process.
    package static let systemCallFilter = SandboxFeatures(rawValue: 1)
    /// Landlock denies every file, and the network and signals where the kernel can.
    package static let fileSystemDenied = SandboxFeatures(rawValue: 2)
    /// Runs as an unprivileged user without capabilities.
    package static let unprivileged = SandboxFeatures(rawValue: 4)
    /// Address space is limited. Not in a build with AddressSanitizer, which reserves terabytes.
    package static let memoryLimit = SandboxFeatures(rawValue: 8)
    /// Processor time, descriptors, file size, core files and processes are limited.
    package static let resourceLimits = SandboxFeatures(rawValue: 16)
    /// The process dies with the thread that started it.
    package static let diesWithParent = SandboxFeatures(rawValue: 32)

    package static let all: SandboxFeatures = [
        .systemCallFilter, .fileSystemDenied, .unprivileged, .memoryLimit, .resourceLimits, .diesWithParent,
    ]

    /// For logs and status.
    package var names: [String] {
        let known: [(SandboxFeatures, String)] = [
            (.systemCallFilter, "system_call_filter"), (.fileSystemDenied, "file_system_denied"),
            (.unprivileged, "unprivileged"), (.memoryLimit, "memory_limit"), (.resourceLimits, "resource_limits"),
            (.diesWithParent, "dies_with_parent"),
        ]
        return known.filter { contains($0.0) }.map(\.1)
    }

    package var description: String { names.joined(separator: ", ") }
}
