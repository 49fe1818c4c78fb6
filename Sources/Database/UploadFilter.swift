package import Domain

/// Which uploads a list shows; a field that is nil lets all through.
package struct UploadFilter: Hashable, Sendable {
    /// Any of these; empty for all.
    package var statuses: Set<UploadStatus>
    package var bucket: String?
    package var mediaType: MediaType?
    package var scanState: ScanState?
    /// Ignores the case of ASCII letters.
    package var filenameContains: String?

    package init(
        statuses: Set<UploadStatus> = [], bucket: String? = nil, mediaType: MediaType? = nil,
        scanState: ScanState? = nil, filenameContains: String? = nil
    ) {
        self.statuses = statuses
        self.bucket = bucket
        self.mediaType = mediaType
        self.scanState = scanState
        self.filenameContains = filenameContains
    }

    /// Conditions on the table `u`, and their parameters from `?first` on.
    func conditions(firstParameter first: Int) -> (sql: String, parameters: [SQLValue]) {
        var conditions: [String] = []
        var parameters: [SQLValue] = []
        func add(_ condition: (String) -> String, _ value: SQLValue) {
            conditions.append(condition("?\(first + parameters.count)"))
            parameters.append(value)
        }
        if !statuses.isEmpty {
            let list = statuses.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
            conditions.append("u.status IN (\(list))")
        }
        if let bucket { add({ "u.bucket = \($0)" }, .init(bucket)) }
        if let mediaType { add({ "u.media_type = \($0)" }, .init(mediaType)) }
        switch scanState {
        case nil: break
        // Written out, so that the partial index of the debt is used.
        case .unscanned: conditions.append("u.scan_state = 'unscanned'")
        case .scanned, .skipped: add({ "u.scan_state = \($0)" }, .init(scanState))
        }
        if let filenameContains {
            add({ "LOWER(u.filename) LIKE LOWER(\($0)) ESCAPE '!'" }, .init(Self.pattern(filenameContains)))
        }
        return (conditions.map { " AND \($0)" }.joined(), parameters)
    }

    /// A pattern that finds `text` anywhere; what LIKE would read as a wildcard is escaped.
    private static func pattern(_ text: String) -> String {
        var pattern = "%"
        for scalar in text.unicodeScalars {
            if scalar == "%" || scalar == "_" || scalar == "!" { pattern.unicodeScalars.append("!") }
            pattern.unicodeScalars.append(scalar)
        }
        return pattern + "%"
    }
}
