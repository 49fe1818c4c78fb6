import Alerts
import Crypto
import Database
import DatabaseSQLite
import Domain
import TestSupport
import Testing

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

    /// What is due to be mailed, which counts as mailed with that.
    private func texts(_ bench: Bench) async throws -> [AlertKind: String] {
        let now = bench.clock.now()
        return try await bench.database.write { transaction throws(DatabaseError) in
            var texts: [AlertKind: String] = [:]
            while case .batch(let batch) = try transaction.alerts.claim(lease: "test", until: now, now: now) {
                _ = try transaction.alerts.finish(batch, nextAt: now.adding(seconds: 3_600))
                texts[batch.kind] = AlertText(batch).plain
            }
            return texts
        }
    }

    /// How many organizations' outages are not over.
    private func open(_ bench: Bench) throws -> Int {
        try bench.database.read { transaction throws(DatabaseError) in
            try transaction.outages.open(ofNode: "node").count
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

    @Test("A long one is told once while it lasts, by one upload that met it, and its end once, with both moments")
    func long() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        let start = bench.clock.now()
        var state = OutageWatch.State()
        availability.isUp = false
        try await look(watch(bench, availability), &state, bench, seconds: 5)
        try await upload(of: bench)
        try await look(watch(bench, availability), &state, bench, seconds: 55)
        #expect(try kinds(bench) == [])
        try await look(watch(bench, availability), &state, bench, seconds: 200)
        #expect(try kinds(bench) == ["gate.outage"])
        #expect(try await texts(bench)[.gateOutage]?.contains("since \(start.adding(seconds: 1).spoken)") == true)
        try await upload(of: bench, refused: true)

        // The process dies, and the next one knows nothing but what is in the database.
        state = OutageWatch.State()
        availability.isUp = true
        let back = bench.clock.now().adding(seconds: 1)
        try await look(watch(bench, availability), &state, bench, seconds: 60)
        #expect(try kinds(bench) == [])
        try await look(watch(bench, availability), &state, bench, seconds: 100)
        #expect(try kinds(bench) == ["gate.recovered"])
        // Not from the first upload to the last one: both met it somewhere in between.
        let words = "from \(start.adding(seconds: 1).spoken) to \(back.spoken); 1 uploads admitted unscanned, 1 refused"
        #expect(try await texts(bench)[.gateRecovered]?.contains(words) == true)
    }

    // The length is the classifier's, not that of the organization's uploads: one upload near the end is let through
    // unscanned just as well.
    @Test("One upload late in an outage is enough to be told")
    func lateUpload() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        availability.isUp = false
        try await look(watch(bench, availability), &state, bench, seconds: 100)
        #expect(try kinds(bench) == [])
        try await upload(of: bench)
        try await look(watch(bench, availability), &state, bench, seconds: 1)
        #expect(try kinds(bench) == ["gate.outage"])
    }

    // Uploads of several moments are far apart, and yet the classifier was there nearly all the time.
    @Test("Moments of absence that no look falls into are no outage, however far apart uploads meet them")
    func blips() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        for _ in 0..<4 {
            try await upload(of: bench)
            try await look(watch(bench, availability), &state, bench, seconds: 40)
        }
        #expect(try kinds(bench) == [])
        #expect(try open(bench) == 1)
        try await look(watch(bench, availability), &state, bench, seconds: 61)
        #expect(try kinds(bench) == [] && open(bench) == 0)
    }

    @Test("A classifier that comes and goes is away: that is told once, and its return only when it stays")
    func crashLoop() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        let start = bench.clock.now()
        var state = OutageWatch.State()
        for _ in 0..<5 {
            availability.isUp = false
            try await look(watch(bench, availability), &state, bench, seconds: 1)
            try await upload(of: bench)
            availability.isUp = true
            try await look(watch(bench, availability), &state, bench, seconds: 59)
        }
        #expect(try kinds(bench) == ["gate.outage"])
        _ = try await texts(bench)
        try await look(watch(bench, availability), &state, bench, seconds: 3)
        #expect(try kinds(bench) == ["gate.recovered"])
        let text = try await texts(bench)[.gateRecovered]
        let (from, to) = (start.adding(seconds: 1), start.adding(seconds: 242))
        #expect(text?.contains("from \(from.spoken) to \(to.spoken); 5 uploads") == true, "\(text ?? "")")
        // It is over: the next short absence is one of its own.
        availability.isUp = false
        try await look(watch(bench, availability), &state, bench, seconds: 1)
        try await upload(of: bench)
        try await look(watch(bench, availability), &state, bench, seconds: 58)
        #expect(try kinds(bench) == [])
    }

    @Test("A restart within an outage does not make it shorter")
    func restart() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        availability.isUp = false
        try await look(watch(bench, availability), &state, bench, seconds: 1)
        try await upload(of: bench)
        try await look(watch(bench, availability), &state, bench, seconds: 40)
        state = OutageWatch.State()
        try await look(watch(bench, availability), &state, bench, seconds: 19)
        #expect(try kinds(bench) == [])
        try await look(watch(bench, availability), &state, bench, seconds: 1)
        #expect(try kinds(bench) == ["gate.outage"])
    }

    // One thread did both: while a mail server was slow, or had a long backlog, an outage came and went unseen.
    @Test("An outage is seen while a mail is under way that the server is slow to take")
    func slowMail() async throws {
        let (bench, classifier) = (try await Bench(address: "late@example.net"), Availability())
        let mailer = try bench.mailer(nil, classifier)
        try await bench.alert()
        async let _: Void = mailer.run()
        let isSending = try Concurrent.eventually {
            try !bench.database.read { transaction throws(DatabaseError) in
                try transaction.alerts.isAnyDue(now: bench.clock.now())
            }
        }
        try #require(isSending)
        classifier.isUp = false
        try await upload(of: bench)
        let isSeen = try Concurrent.eventually {
            bench.clock.advance(seconds: 1)
            return try kinds(bench).contains("gate.outage")
        }
        #expect(isSeen)
        #expect(try kinds(bench).contains("upload.quarantined"))
    }

    // Otherwise it would be said an hour later, in the present tense, of a classifier that works.
    @Test("An outage whose mail had to wait until it was over is told by its end alone")
    func heldBack() async throws {
        let (bench, availability) = (try await Bench(), Availability())
        var state = OutageWatch.State()
        func outage() async throws {
            availability.isUp = false
            try await look(watch(bench, availability), &state, bench, seconds: 1)
            try await upload(of: bench)
            try await look(watch(bench, availability), &state, bench, seconds: 61)
        }
        try await outage()
        #expect(try await texts(bench)[.gateOutage] != nil)
        availability.isUp = true
        try await look(watch(bench, availability), &state, bench, seconds: 61)
        #expect(try await texts(bench)[.gateRecovered] != nil)
        try await outage()
        #expect(try kinds(bench) == ["gate.outage"])
        availability.isUp = true
        try await look(watch(bench, availability), &state, bench, seconds: 61)
        #expect(try kinds(bench) == ["gate.recovered"])
    }
}

extension Timestamp {
    /// As mails write it.
    fileprivate var spoken: String { "\(iso8601.prefix(10)) \(iso8601.dropFirst(11).prefix(8)) UTC" }
}
