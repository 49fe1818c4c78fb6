import Database
import Domain
import Endpoints
import HTTP

/// What a list of a bucket's uploads was asked for: in the body, as the SDK's `ListUploadsRequest`, and in the query,
/// which wins where both say something.
struct BucketListing: Sendable {
    let query: BucketUploadQuery
    let returnsURLs: Bool
    let includesTotal: Bool
    let limit: Int
    let offset: Int
    /// nil for the first page, and where pages are counted.
    let cursor: PageCursor?

    static let defaultLimit = 20
    static let maximumLimit = 1_000
    static let maximumOffset = 10_000

    init(_ request: Request, bucket: String, organization: InternalID) async throws(Failure) {
        var body = FieldReader(try await request.jsonObject(emptyMeans: [:]))
        var condition: BucketUploadCondition?
        if let filters = body.object("filters") {
            var reader = FilterReader()
            condition = reader.read(filters, at: ["body", "filters"])
            guard reader.errors.isEmpty else { throw .validation(reader.errors) }
        }
        let order = Self.order(&body)
        // The SDK sends empty texts for what was not given.
        let search = body.string("search", length: 0...200).flatMap { $0.isEmpty ? nil : $0 }
        returnsURLs = body.bool("return_presigned_urls") ?? false
        let bodyLimit = body.integer("limit", 1...100).map(Int.init)
        let bodyOffset = body.integer("offset", 0...Int64(Self.maximumOffset)).map(Int.init)
        let bodyTotal = body.bool("include_total")
        try body.finish()

        var query = try ListQuery(request.head)
        let pageSize = query.integer("page_size", 1...Self.maximumLimit)
        limit = query.integer("limit", 1...Self.maximumLimit) ?? pageSize ?? bodyLimit ?? Self.defaultLimit
        let page = query.integer("page", 1...1_000_000)
        // The SDK's body always says an offset; a page in the query says more.
        let offset = query.integer("offset", 0...Self.maximumOffset) ?? (page == nil ? bodyOffset : nil)
        includesTotal = query.bool("include_total") ?? bodyTotal ?? false
        let texts = ["cursor", "next_cursor", "after"].compactMap { query.string($0, length: 1...100) }
        let position = texts.first.flatMap(Position.init)
        if texts.first != nil, position == nil {
            query.reject("cursor", "cursor", "is not a cursor that a page named as next_cursor")
        }
        try query.finish()
        switch position {
        case .after(let cursor)?: (self.cursor, self.offset) = (cursor, 0)
        case .offset(let offset)?: (self.cursor, self.offset) = (nil, offset)
        case nil: (cursor, self.offset) = (nil, offset ?? ((page ?? 1) - 1) * limit)
        }
        if cursor != nil, order.field != .createdAt {
            throw .validation([
                ValidationError("cursor", at: ["query", "cursor"], "belongs to a list that is ordered by its time")
            ])
        }
        self.query = BucketUploadQuery(
            organization: organization, bucket: bucket, condition: condition, search: search, order: order)
    }

    private static func order(_ body: inout FieldReader) -> BucketUploadQuery.Order {
        let standard = BucketUploadQuery.Order(.createdAt, isDescending: true)
        guard let sort = body.object("sort") else { return standard }
        var nested = FieldReader(sort, at: ["body", "sort"])
        nested.require("field")
        let name = nested.string("field", length: 1...FilterField.maximumPathLength)
        let direction = nested.choice("direction", of: Direction.self) ?? .descending
        let field = name.flatMap(FilterField.init)
        if let name, field == nil {
            nested.reject("field", "field", "\"\(name.prefix(100))\" is not one of \(FilterField.list)")
        }
        body.absorb(nested)
        return BucketUploadQuery.Order(field?.field ?? .createdAt, isDescending: direction == .descending)
    }

    private enum Direction: String, CaseIterable {
        case ascending = "asc"
        case descending = "desc"
    }

    /// Where the page before ended: behind an upload, where the order is by time, else after so many.
    enum Position: Sendable {
        case after(PageCursor)
        case offset(Int)

        init?(_ text: String) {
            if text.hasPrefix("offset."), let offset = Int(text.dropFirst(7)), (0...1_000_000_000).contains(offset) {
                self = .offset(offset)
            } else if let cursor = PageCursor(encoded: text) {
                self = .after(cursor)
            } else {
                return nil
            }
        }

        var encoded: String {
            switch self {
            case .after(let cursor): cursor.encoded
            case .offset(let offset): "offset.\(offset)"
            }
        }
    }

    /// Where the page after `uploads` begins; nil after the last.
    func next(after uploads: [BucketUpload], hasMore: Bool) -> String? {
        guard hasMore, let last = uploads.last else { return nil }
        guard query.order.field == .createdAt else { return Position.offset(offset + uploads.count).encoded }
        return Position.after(PageCursor(at: last.createdAt, id: last.id.rawValue)).encoded
    }
}
