/// Which walls stand after entry. Those that are not reported here stand always, or entry fails: the filter of system
/// calls, no new privileges, the limits of processor time, descriptors, files, core files and processes, and death
/// with the parent.
package struct SandboxReport: Equatable, Sendable {
    /// Version of the kernel's Landlock, nil where it has none: files are then kept away by the filter alone.
    package var landlockVersion: Int?
    /// Runs as an ordinary user. False for root that may not change its user, as in some containers; its capabilities
    /// are gone all the same.
    package var isUnprivileged: Bool
    /// Address space in bytes, nil in a build with AddressSanitizer, which reserves terabytes for its shadow.
    package var memoryLimitBytes: UInt64?
}
