import Domain

/// Writes a query as SQL over the table `b`, with its parameters.
struct BucketUploadSQL {
    private(set) var parameters: [SQLValue] = []
    private(set) var condition = ""
    private let organization: String
    private let bucket: String

    /// - Parameters:
    ///   - textIndex: has the index that texts are searched by; nil to read the texts themselves.
    ///   - isSelective: whether few rows match. Then those that an index of texts or metadata names are looked up one
    ///     by one; otherwise the bucket is read in order, and each row is looked up in what the index names.
    init(_ query: BucketUploadQuery, textIndex: (any Transaction)?, isSelective: Bool) {
        organization = "?1"
        bucket = "?2"
        parameters = [.init(query.organization), .init(query.bucket)]
        let indexed = query.search.flatMap { textIndex?.textSearch($0.lowercased(), parameter: "?3") }
        let isNarrowed = isSelective && (indexed != nil || query.condition?.isNarrow == true)
        // A column inside an expression is found by no index, which leaves the one that names the rows.
        condition =
            isNarrowed
            ? "(b.organization || '') = ?1 AND (b.bucket || '') = ?2" : "b.organization = ?1 AND b.bucket = ?2"
        if let indexed {
            parameters.append(indexed.value)
            condition += " AND \(indexed.condition)"
        } else if let search = query.search {
            condition += " AND \(contains("b.search_text", search.lowercased(), isCaseSensitive: true))"
        }
        if let filter = query.condition { condition += " AND \(sql(filter))" }
    }

    mutating func parameter(_ value: SQLValue) -> String {
        parameters.append(value)
        return "?\(parameters.count)"
    }

    private mutating func sql(_ condition: BucketUploadCondition) -> String {
        switch condition {
        case .all(let parts): return joined(parts, " AND ", empty: "1 = 1")
        case .any(let parts): return joined(parts, " OR ", empty: "1 = 0")
        case .none(let parts): return "NOT \(joined(parts, " OR ", empty: "1 = 0"))"
        case .field(let field, let comparison):
            if let column = field.column { return sql(column, comparison) }
            guard case .metadata(let path) = field else { return "1 = 0" }
            return metadata(path, comparison)
        }
    }

    private mutating func joined(_ parts: [BucketUploadCondition], _ operation: String, empty: String) -> String {
        guard !parts.isEmpty else { return "(\(empty))" }
        var texts: [String] = []
        for part in parts { texts.append(sql(part)) }
        return "(" + texts.joined(separator: operation) + ")"
    }

    /// A comparison with an absent value does not hold, so that its negation does.
    private mutating func sql(_ column: String, _ comparison: BucketUploadCondition.Comparison) -> String {
        switch comparison {
        case .equal(let value): return guarded(column, "\(column) = \(parameter(value))")
        case .notEqual(let value): return "(\(column) IS NULL OR \(column) <> \(parameter(value)))"
        case .less(let value): return guarded(column, "\(column) < \(parameter(value))")
        case .lessOrEqual(let value): return guarded(column, "\(column) <= \(parameter(value))")
        case .greater(let value): return guarded(column, "\(column) > \(parameter(value))")
        case .greaterOrEqual(let value): return guarded(column, "\(column) >= \(parameter(value))")
        case .oneOf(let values): return guarded(column, list(column, values))
        case .noneOf(let values): return "(\(column) IS NULL OR NOT \(list(column, values)))"
        case .contains(let text, let isCaseSensitive):
            return guarded(column, contains(column, text, isCaseSensitive: isCaseSensitive))
        case .hasPrefix(let text, let isCaseSensitive):
            let (column, text) = folded(column, text, isCaseSensitive)
            return guarded(column, "SUBSTR(\(column), 1, LENGTH(\(text))) = \(text)")
        case .hasSuffix(let text, let isCaseSensitive):
            let (column, text) = folded(column, text, isCaseSensitive)
            return guarded(
                column,
                "LENGTH(\(column)) >= LENGTH(\(text)) "
                    + "AND SUBSTR(\(column), LENGTH(\(column)) - LENGTH(\(text)) + 1) = \(text)")
        case .exists(let exists): return "\(column) IS \(exists ? "NOT " : "")NULL"
        }
    }

    private func guarded(_ column: String, _ condition: String) -> String {
        "(\(column) IS NOT NULL AND \(condition))"
    }

    private mutating func list(_ column: String, _ values: [SQLValue]) -> String {
        guard !values.isEmpty else { return "1 = 0" }
        var names: [String] = []
        for value in values { names.append(parameter(value)) }
        return "\(column) IN (\(names.joined(separator: ", ")))"
    }

    private mutating func contains(_ column: String, _ text: String, isCaseSensitive: Bool) -> String {
        let (column, text) = folded(column, text, isCaseSensitive)
        return "REPLACE(\(column), \(text), '') <> \(column)"
    }

    private mutating func folded(
        _ column: String, _ text: String, _ isCaseSensitive: Bool
    ) -> (column: String, text: String) {
        let name = parameter(.text(text))
        return isCaseSensitive ? (column, name) : ("LOWER(\(column))", "LOWER(\(name))")
    }

    /// By the index of the metadata's values: it holds where any value at the path does.
    private mutating func metadata(_ path: String, _ comparison: BucketUploadCondition.Comparison) -> String {
        switch comparison {
        case .notEqual(let value): return "NOT \(metadata(path, .equal(value)))"
        case .noneOf(let values): return "NOT \(metadata(path, .oneOf(values)))"
        case .exists(let exists):
            let has = member(path, "m.kind <> 'null'")
            return exists ? has : "NOT \(has)"
        case .oneOf(let values):
            // One look-up, however many values: SQLite bounds how deep a condition may be.
            var parts: [String] = []
            for kind in MetadataLeaf.Kind.allCases {
                let wanted = values.filter { MetadataLeaf.Kind(of: $0) == kind }
                guard !wanted.isEmpty else { continue }
                parts.append("m.kind = '\(kind.rawValue)' AND \(list(kind.column, wanted.map(kind.value)))")
            }
            return member(path, parts.isEmpty ? "1 = 0" : "(\(parts.joined(separator: " OR ")))")
        case .equal(let value), .less(let value), .lessOrEqual(let value), .greater(let value),
            .greaterOrEqual(let value):
            let kind = MetadataLeaf.Kind(of: value)
            return member(path, "m.kind = '\(kind.rawValue)' AND \(sql(kind.column, comparison.mapping(kind.value)))")
        case .contains, .hasPrefix, .hasSuffix:
            return member(path, "m.kind = 'text' AND \(sql("m.text", comparison))")
        }
    }

    private mutating func member(_ path: String, _ condition: String) -> String {
        """
        b.id IN (SELECT m.upload_id FROM bucket_upload_metadata m WHERE m.organization = \(organization) \
        AND m.bucket = \(bucket) AND m.path = \(parameter(.text(path))) AND \(condition))
        """
    }

    /// The terms to order by, ending in the id, so that pages do not overlap.
    mutating func order(_ order: BucketUploadQuery.Order) -> String {
        let direction = order.isDescending ? "DESC" : "ASC"
        if let column = order.field.column {
            let tie = order.field == .uploadID ? "" : ", b.id \(direction)"
            return "\(column) \(direction)\(tie)"
        }
        guard case .metadata(let path) = order.field else { return "b.id \(direction)" }
        let name = parameter(.text(path))
        func first(_ column: String) -> String {
            "(SELECT MIN(m.\(column)) FROM bucket_upload_metadata m WHERE m.upload_id = b.id AND m.path = \(name))"
        }
        return "\(first("number")) \(direction), \(first("text")) \(direction), b.id \(direction)"
    }
}
