/// What a sandboxed process may still use.
package struct SandboxConfiguration: Sendable {
    /// Address space beyond what is mapped on entry.
    package var memoryHeadroomBytes: UInt64
    /// Processor time of the whole process, after which the kernel kills it.
    package var processorSeconds: UInt64
    /// User and group to become where the process is root. Numbers, so that no name service is asked.
    package var user: UInt32
    package var group: UInt32
    /// The only socket on which messages may be sent and received; descriptors above it are closed.
    package var channel: CInt
    /// The process whose death ends this one.
    package var parent: CInt

    package init(
        memoryHeadroomBytes: UInt64, processorSeconds: UInt64, user: UInt32, group: UInt32, channel: CInt, parent: CInt
    ) {
        self.memoryHeadroomBytes = memoryHeadroomBytes
        self.processorSeconds = processorSeconds
        self.user = user
        self.group = group
        self.channel = channel
        self.parent = parent
    }

    /// Descriptors that may be open at once: the standard three, the channel, a file, and some room.
    static let maximumDescriptors: UInt64 = 16
}
