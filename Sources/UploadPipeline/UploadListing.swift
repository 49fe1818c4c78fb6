import Database
import Domain
import Endpoints
import HTTP

/// The filters and the page of `GET /v1/uploads`.
struct UploadListing: Sendable {
    let filter: UploadFilter
    let cursor: PageCursor?
    let limit: Int

    static let defaultLimit = 20
    static let maximumLimit = 100

    init(_ head: RequestHead) throws(Failure) {
        var query = try ListQuery(head)
        var filter = UploadFilter()
        // Rejected uploads are kept for audit; they are listed when asked for.
        let status = query.choice("status", of: UploadStatus.self)
        filter.statuses = status.map { [$0] } ?? [.completed, .quarantined]
        filter.scanState = query.choice("scan_state", of: ScanState.self)
        filter.mediaType = query.choice("media_type", of: MediaType.self)
        filter.bucket = query.string("bucket", length: 1...100)
        filter.filenameContains = query.string("filename", length: 1...255)
        limit = query.integer("limit", 1...Self.maximumLimit) ?? Self.defaultLimit
        cursor = query.cursor()
        try query.finish()
        self.filter = filter
    }
}
