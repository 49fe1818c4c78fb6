package import Domain

/// One file to score.
package struct ScanJob: Sendable {
    /// Borrowed: it stays open until `scan` returns. Workers get it read-only, whatever it was opened for.
    package var descriptor: CInt
    package var mediaType: MediaType
    /// Whose turn it takes.
    package var organization: OrganizationID
    /// 0...1.
    package var threshold: Double
    package var priority: ScanPriority
    /// nil: as the pool is configured.
    package var mode: ScanMode?

    package init(
        descriptor: CInt, mediaType: MediaType, organization: OrganizationID, threshold: Double,
        priority: ScanPriority = .upload, mode: ScanMode? = nil
    ) {
        self.descriptor = descriptor
        self.mediaType = mediaType
        self.organization = organization
        self.threshold = threshold
        self.priority = priority
        self.mode = mode
    }
}

/// Who waits for a scan.
package enum ScanPriority: Sendable {
    /// A client.
    case upload
    /// Nobody: unscanned debt, taken up when no upload waits.
    case backlog
}
