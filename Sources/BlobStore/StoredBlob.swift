package import SystemCalls

/// A stored content, open for reading. It can be read to the end also when it is removed meanwhile.
package struct StoredBlob: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor
    /// In bytes.
    package let size: Int64

    init(owning descriptor: consuming OwnedDescriptor, size: Int64) {
        self.descriptor = descriptor
        self.size = size
    }

    /// A content that the database holds, as a file in memory.
    package init(inMemory bytes: [UInt8]) throws(BlobStoreError) {
        do { descriptor = try OwnedDescriptor(inMemory: bytes) } catch { throw BlobStoreError(error) }
        size = Int64(bytes.count)
    }

    /// Gives the descriptor away: the receiver closes it.
    package consuming func takeDescriptor() -> OwnedDescriptor { descriptor }
}
