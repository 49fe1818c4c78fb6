import Domain

/// Organizations whose files broke or stopped workers lately. Their files are scanned one at a time, with a pause after
/// each failure, so that what they break is never more than one worker: the others are there for everybody else.
struct Suspects {
    private struct Record {
        var failures: Int
        /// When the next scan may begin, and when all is forgotten; seconds of the monotonic clock.
        var notBefore: Double
        var forgottenAt: Double
    }

    /// How long after its last failure an organization is treated as the others are.
    static let memorySeconds = 60.0
    static let firstPauseSeconds = 0.1
    static let maximumPauseSeconds = 2.0

    /// How long an organization that held every worker for long is kept from all but one of them.
    static let slowMemorySeconds = 60.0

    private var records: [OrganizationID: Record] = [:]
    /// Until when an organization counts as slow.
    private var slow: [OrganizationID: Double] = [:]

    mutating func note(_ organization: OrganizationID, now: Double) {
        records = records.filter { $0.value.forgottenAt > now }
        let failures = (records[organization]?.failures ?? 0) + 1
        var pause = Self.firstPauseSeconds
        for _ in 1..<failures where pause < Self.maximumPauseSeconds { pause *= 2 }
        records[organization] = Record(
            failures: failures, notBefore: now + min(pause, Self.maximumPauseSeconds),
            forgottenAt: now + Self.memorySeconds)
    }

    /// Its files do not break workers, but keep them from everybody else.
    mutating func noteSlow(_ organization: OrganizationID, now: Double) {
        slow = slow.filter { $0.value > now }
        slow[organization] = now + Self.slowMemorySeconds
    }

    func isSlow(_ organization: OrganizationID, now: Double) -> Bool { slow[organization].map { $0 > now } ?? false }

    func contains(_ organization: OrganizationID, now: Double) -> Bool {
        records[organization].map { $0.forgottenAt > now } ?? false
    }

    func isPausing(_ organization: OrganizationID, now: Double) -> Bool {
        records[organization].map { $0.notBefore > now } ?? false
    }

    /// When the next pause ends.
    func nextRelease(after now: Double) -> Double? { records.values.map(\.notBefore).filter { $0 > now }.min() }
}
