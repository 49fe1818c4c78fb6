/// What a request counts against.
package enum RateLimitCategory: String, CaseIterable, Sendable {
    /// Organization, users, keys, billing, audit.
    case metadata
    /// Reading, downloading or deleting one upload.
    case data
    /// Listing and searching uploads.
    case search
    /// Posting, creating and confirming uploads.
    case upload
    /// Batch operations and re-scans.
    case compute
}

/// Requests per minute in each category.
package struct RateLimits: Hashable, Sendable {
    package var metadata: Int
    package var data: Int
    package var search: Int
    package var upload: Int
    package var compute: Int

    package init(metadata: Int, data: Int, search: Int, upload: Int, compute: Int) {
        self.metadata = metadata
        self.data = data
        self.search = search
        self.upload = upload
        self.compute = compute
    }

    package subscript(category: RateLimitCategory) -> Int {
        get {
            switch category {
            case .metadata: metadata
            case .data: data
            case .search: search
            case .upload: upload
            case .compute: compute
            }
        }
        set {
            switch category {
            case .metadata: metadata = newValue
            case .data: data = newValue
            case .search: search = newValue
            case .upload: upload = newValue
            case .compute: compute = newValue
            }
        }
    }

    /// These limits with `overrides` laid over them, category by category.
    package func merging(_ overrides: RateLimitOverrides) -> RateLimits {
        var merged = self
        for (category, limit) in overrides.limits { merged[category] = limit }
        return merged
    }
}

/// Limits for some of the categories, in requests per minute; a category that is absent keeps what it had.
package struct RateLimitOverrides: Hashable, Sendable {
    package var limits: [RateLimitCategory: Int]
    package init(_ limits: [RateLimitCategory: Int] = [:]) { self.limits = limits }
    package var isEmpty: Bool { limits.isEmpty }
}
