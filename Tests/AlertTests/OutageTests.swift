import Alerts
import Crypto
import Database
import DatabaseSQLite
import Domain
import Synchronization
import TestSupport
import Testing

/// A classifier that the test takes away.
private final class Availability: Sendable {
    private let value = Mutex(true)
    var isUp: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

@Suite("Outages that are told", .blocking)
struct OutageTests {
    private func upload(of bench: Bench, refused: Bool = false) async throws {
        let hash = SHA256.hash(of: RandomID.base62(8))
        let now = bench.clock.now()
        let record = UploadRecord(
            id: RandomID.uploadID(), organization: bench.organization.internalID, bucket: "default", filename: "a.jpg",
            declaredContentType: "image/jpeg", mediaType: .jpeg, size: 1, sha256: hash,
            status: refused ? .rejected : .completed, scanState: .unscanned, metadata: [:], credits: refused ? 0 : 1,
            receipt: DecisionReceipt(
                decision: refused ? .rejected : .accepted, reason: .classifierUnavailable, scan: nil, threshold: 0.8,
                model: ModelIdentity(name: "m", sha256: hash.rawValue, preprocessing: "1"),
                policy: bench.organization.gatePolicy, scannedAt: now, elapsedMilliseconds: 1, sha256: hash),
            key: KeyID(rawValue: "key_0000000000000000"), createdAt: now)
        try await bench.database.write { transaction throws(DatabaseError) in
            try transaction.outages.note(record, node: "node", at: now)
        }
    }

    /// The kinds of alerts that wait.
    private func kinds(_ bench: Bench) throws -> [String] {
        try bench.database.read { transaction throws(DatabaseError) in
            var kinds: [String] = []
            for kind in AlertKind.allCases {
                let due = try transaction.alerts.pendingCount(kind, of: bench.organization.internalID)
                kinds += Array(repeating: kind.rawValue, count: due)
            }
            return kinds
        }
    }

    /// Looks once a second for so long.
    private func look(
        _ watch: OutageWatch, _ state: inout OutageWatch.State, _ bench: Bench, seconds: Int
    ) async throws {
        for _ in 0..<seconds {
            bench.clock.advance(seconds: 1)
            try await watch.look(&state, now: bench.clock.now())
        }
    }

    private func watch(_ bench: Bench, _ availability: Availability) -> OutageWatch {
        OutageWatch(database: bench.database, node: "node", thresholdSeconds: 60) { availability.isUp }
    }

    @Test("An outage of less than a minute is told to nobody, and forgotten")
    func short() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        let watch = watch(bench, availability)
        var state = OutageWatch.State()
        for _ in 0..<3 {
            availability.isUp = false
            try await look(watch, &state, bench, seconds: 1)
            try await upload(of: bench)
            try await look(watch, &state, bench, seconds: 50)
            availability.isUp = true
            try await look(watch, &state, bench, seconds: 70)
        }
        #expect(try kinds(bench) == [])
        try bench.database.read { transaction throws(DatabaseError) in
            #expect(try transaction.outages.open(ofNode: "node") == [])
        }
    }

    @Test(
        "A long one is told once while it lasts, by one upload that met it, and its end once, also by another process")
    func long() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        availability.isUp = false
        try await look(watch(bench, availability), &state, bench, seconds: 5)
        try await upload(of: bench)
        try await look(watch(bench, availability), &state, bench, seconds: 59)
        #expect(try kinds(bench) == [])
        try await look(watch(bench, availability), &state, bench, seconds: 200)
        #expect(try kinds(bench) == ["gate.outage"])
        try await upload(of: bench, refused: true)

        // The process dies, and the next one knows nothing but what is in the database.
        state = OutageWatch.State()
        availability.isUp = true
        try await look(watch(bench, availability), &state, bench, seconds: 59)
        #expect(try kinds(bench) == ["gate.outage"])
        try await look(watch(bench, availability), &state, bench, seconds: 100)
        #expect(try kinds(bench) == ["gate.outage", "gate.recovered"])
    }

    // A queue that is always full lets uploads pass unscanned though every worker lives.
    @Test("An overload that uploads meet for more than a minute is an outage, too")
    func overload() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        for _ in 0..<4 {
            try await upload(of: bench)
            try await look(watch(bench, availability), &state, bench, seconds: 20)
        }
        #expect(try kinds(bench) == ["gate.outage"])
    }
}
