package import Domain

/// What scans found, so that the same bytes need not be scanned again. It can be lost without harm.
package struct VerdictStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// Keeps a verdict in place of an older one on the same subject. Does nothing where the organization was deleted,
    /// nor where the verdict is kept already.
    package func keep(_ verdict: ScanVerdict) throws(DatabaseError) {
        let subject = verdict.subject
        var score: ScanScore?
        var explanation: String?
        switch verdict.result {
        case .scored(let found): score = found
        case .unscannable(let text): explanation = text
        }
        try transaction.execute(
            """
            INSERT INTO scan_verdicts (organization, sha256, media_type, scanner, score, frames_total, frames_scanned,
            explanation, threshold_from, threshold_to, scanned_at, pass)
            SELECT o.internal_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM organizations o
            WHERE o.internal_id = ?1 AND o.deleted_at IS NULL
            ON CONFLICT (organization, sha256, media_type, scanner) DO UPDATE SET score = excluded.score,
            frames_total = excluded.frames_total, frames_scanned = excluded.frames_scanned,
            explanation = excluded.explanation, threshold_from = excluded.threshold_from,
            threshold_to = excluded.threshold_to, scanned_at = excluded.scanned_at, pass = excluded.pass
            WHERE scan_verdicts.scanned_at <> excluded.scanned_at
            """,
            [
                .init(subject.organization), .init(subject.sha256), .init(subject.mediaType),
                .init(subject.scanner.fingerprint), score.map { .real($0.score) } ?? .null,
                .init(score?.framesTotal), .init(score?.framesScanned), .init(explanation),
                .real(verdict.thresholds.lowerBound), .real(verdict.thresholds.upperBound), .init(verdict.scannedAt),
                .init(score?.pass.rawValue),
            ])
    }

    package func find(_ subject: ScanSubject) throws(DatabaseError) -> ScanVerdict? {
        try transaction.first(
            """
            SELECT score, frames_total, frames_scanned, explanation, threshold_from, threshold_to, scanned_at,
            pass FROM scan_verdicts WHERE organization = ?1 AND sha256 = ?2 AND media_type = ?3 AND scanner = ?4
            """,
            [
                .init(subject.organization), .init(subject.sha256), .init(subject.mediaType),
                .init(subject.scanner.fingerprint),
            ]
        ) { row throws(DatabaseError) in try Self.decode(&row, subject) }
    }

    private static func decode(_ row: inout Row, _ subject: ScanSubject) throws(DatabaseError) -> ScanVerdict {
        let score = try row.optionalReal()
        let (total, scanned) = (try row.optionalInteger(), try row.optionalInteger())
        let explanation = try row.optionalText()
        let (from, to) = (try row.optionalReal(), try row.optionalReal())
        let scannedAt = try row.timestamp()
        let pass = try row.optionalText().flatMap(ScanPass.init)
        let result: ScanVerdict.Result
        if let score, let total, let scanned, let pass {
            result = .scored(
                ScanScore(score: score, framesTotal: Int(total), framesScanned: Int(scanned), pass: pass))
        } else if let explanation {
            result = .unscannable(explanation)
        } else {
            throw .invalidRow("the verdict on \(subject.sha256) holds neither a score nor an explanation")
        }
        guard let from, let to, from <= to else {
            throw .invalidRow("the verdict on \(subject.sha256) holds no range of thresholds")
        }
        return ScanVerdict(subject, result, thresholds: from...to, scannedAt: scannedAt)
    }

    /// Removes what was scanned by `end` and before, the oldest first, at most `limit` verdicts.
    /// - Returns: how many.
    package func removeScanned(by end: Timestamp, limit: Int) throws(DatabaseError) -> Int {
        try remove("v WHERE v.scanned_at <= ?1 ORDER BY v.scanned_at", [.init(end), .init(limit)])
    }

    /// Removes the oldest, at most `limit` verdicts, first those of other scanners than the given one.
    /// - Returns: how many.
    package func removeOldest(limit: Int, sparing scanner: ContentHash?) throws(DatabaseError) -> Int {
        let others = try remove(
            "v WHERE v.scanner <> ?1 ORDER BY v.scanned_at", [.init(scanner?.rawValue ?? ""), .init(limit)])
        guard others < limit, let scanner else { return others }
        return others
            + (try remove("v WHERE v.scanner = ?1 ORDER BY v.scanned_at", [.init(scanner), .init(limit - others)]))
    }

    /// Removes verdicts of one organization, at most `limit`.
    /// - Returns: how many.
    @discardableResult
    package func remove(of organization: InternalID, limit: Int) throws(DatabaseError) -> Int {
        try remove("v WHERE v.organization = ?1", [.init(organization), .init(limit)])
    }

    /// Removes what is left of organizations that were deleted, at most `limit` verdicts.
    /// - Returns: how many.
    package func removeOfDeletedOrganizations(limit: Int) throws(DatabaseError) -> Int {
        try remove(
            """
            v WHERE v.organization IN (SELECT o.internal_id FROM organizations o WHERE o.deleted_at > ?1)
            """, [0, .init(limit)])
    }

    /// - Parameters:
    ///   - selection: what follows `FROM scan_verdicts`, with one parameter.
    ///   - parameters: that one, and the limit.
    private func remove(_ selection: String, _ parameters: [SQLValue]) throws(DatabaseError) -> Int {
        try transaction.execute(
            """
            DELETE FROM scan_verdicts WHERE (organization, sha256, media_type, scanner) IN (
                SELECT v.organization, v.sha256, v.media_type, v.scanner FROM scan_verdicts \(selection) LIMIT ?2)
            """, parameters)
    }

    package func count() throws(DatabaseError) -> Int {
        Int(try transaction.count("SELECT COUNT(*) FROM scan_verdicts", []))
    }
}

extension Transaction {
    package var verdicts: VerdictStore { VerdictStore(self) }
}
