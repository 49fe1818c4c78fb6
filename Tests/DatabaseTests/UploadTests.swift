import Crypto
import Database
import Domain
import Testing

@Suite struct UploadTests {
    private func seeded(_ database: any DatabaseDriver) async throws -> InternalID {
        let organization = Sample.organization()
        try await database.insert(organization)
        return organization.internalID
    }

    @Test("A record and its receipt come back to the last bit", arguments: DriverFactory.all)
    func roundTrip(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database)
            var plain = Sample.upload(of: id, filename: "日本語 %_!.png", scanState: .skipped)
            plain.receipt = DecisionReceipt(
                decision: .accepted, reason: .notAnImage, threshold: 1.0 / 3.0,
                policy: GatePolicy(plane: .dedicated, settings: GateSettings(checkEnabled: false, failClosed: true)),
                scannedAt: Moment.start, elapsedMilliseconds: 0, sha256: plain.sha256, explanation: "a \"reason\"\n")
            var rejected = Sample.upload(of: id, status: .rejected)
            rejected.receipt.scan?.score = .leastNonzeroMagnitude
            rejected.deletedAt = Moment.start
            var scored = Sample.upload(of: id)
            for score in [0.0, 1.0, 0.1 + 0.2, 0.9999999999999999, 1e-7] {
                scored.receipt.scan?.score = score
                let copy = Sample.upload(of: id, bucket: "b\(score)")
                var record = copy
                record.receipt.scan?.score = score
                try await database.insert([record])
                #expect(try find(database, record) == record)
            }
            try await database.insert([plain, rejected, scored])
            for record in [plain, rejected, scored] { #expect(try find(database, record) == record) }
            let foreign = try database.read { transaction throws(DatabaseError) in
                try transaction.uploads.find(RandomID.internalID(), id: plain.id)
            }
            #expect(foreign == nil)
        }
    }

    private func find(_ database: any DatabaseDriver, _ record: UploadRecord) throws -> UploadRecord? {
        try database.read { transaction throws(DatabaseError) in
            try transaction.uploads.find(record.organization, id: record.id)
        }
    }

    @Test("A receipt that JSON cannot hold is refused", arguments: DriverFactory.all)
    func notFinite(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            var record = Sample.upload(of: try await seeded(database))
            record.receipt.scan?.score = .nan
            let bad = record
            await #expect(throws: DatabaseError.self) { try await database.insert([bad]) }
            #expect(try find(database, bad) == nil)
        }
    }

    @Test("Filters find what they describe, page by page, newest first", arguments: DriverFactory.all)
    func filters(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database)
            let names = ["Holiday.JPG", "holiday_2.jpg", "100%.png", "other"]
            let scanStates: [ScanState] = [.unscanned, .skipped, .scanned, .scanned, .scanned, .scanned, .scanned]
            var uploads: [UploadRecord] = []
            for index in 0..<120 {
                let status: UploadStatus = index % 5 == 0 ? .rejected : .completed
                let mediaType: MediaType = index % 3 == 0 ? .png : .jpeg
                uploads.append(
                    Sample.upload(
                        of: id, bucket: index % 2 == 0 ? "even" : "odd", filename: names[index % 4],
                        mediaType: mediaType, status: status, scanState: scanStates[index % 7],
                        createdAt: Moment.start.adding(seconds: Int64(index / 3))))
            }
            try await database.insert(uploads)
            let stranger = Sample.organization()
            try await database.insert(stranger)
            try await database.insert([Sample.upload(of: stranger.internalID, bucket: "even")])
            let cases: [(UploadFilter, (UploadRecord) -> Bool)] = [
                (UploadFilter(), { _ in true }),
                (UploadFilter(statuses: [.rejected]), { $0.status == .rejected }),
                (UploadFilter(statuses: [.rejected, .completed]), { _ in true }),
                (UploadFilter(statuses: [.rejected, .quarantined]), { $0.status == .rejected }),
                (UploadFilter(bucket: "odd"), { $0.bucket == "odd" }),
                (UploadFilter(mediaType: .png), { $0.mediaType == .png }),
                (UploadFilter(scanState: .unscanned), { $0.scanState == .unscanned }),
                (UploadFilter(scanState: .skipped), { $0.scanState == .skipped }),
                (UploadFilter(filenameContains: "HOLIDAY"), { $0.filename.lowercased().contains("holiday") }),
                (UploadFilter(filenameContains: "0%"), { $0.filename == "100%.png" }),
                (UploadFilter(filenameContains: "y_"), { $0.filename == "holiday_2.jpg" }),
                (UploadFilter(filenameContains: "!"), { _ in false }),
                (
                    UploadFilter(
                        statuses: [.completed], bucket: "even", mediaType: .jpeg, scanState: .scanned,
                        filenameContains: "o"),
                    {
                        $0.status == .completed && $0.bucket == "even" && $0.mediaType == .jpeg
                            && $0.scanState == .scanned && $0.filename.lowercased().contains("o")
                    }
                ),
            ]
            for (filter, matches) in cases {
                let expected = uploads.filter(matches).sorted {
                    ($0.createdAt, $0.id.rawValue) > ($1.createdAt, $1.id.rawValue)
                }
                #expect(try pages(database, id, filter) == expected, "\(filter)")
            }
        }
    }

    private func pages(
        _ database: any DatabaseDriver, _ id: InternalID, _ filter: UploadFilter
    ) throws -> [UploadRecord] {
        var seen: [UploadRecord] = []
        var cursor: PageCursor?
        repeat {
            let page = try database.read { transaction throws(DatabaseError) in
                try transaction.uploads.list(id, filter: filter, after: cursor, limit: 7)
            }
            seen += page.items
            cursor = page.next
        } while cursor != nil
        return seen
    }

    @Test("Of two deletions one deletes; a rejected upload has nothing to delete", arguments: DriverFactory.all)
    func deletion(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database)
            let (kept, rejected) = (Sample.upload(of: id), Sample.upload(of: id, status: .rejected))
            try await database.insert([kept, rejected])
            let later = Moment.start.adding(seconds: 9)
            var tombstone = kept
            tombstone.status = .deleted
            tombstone.deletedAt = later
            let outcomes = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.uploads.markDeleted(id, id: kept.id, now: later),
                    try transaction.uploads.markDeleted(id, id: kept.id, now: later.adding(seconds: 1)),
                    try transaction.uploads.markDeleted(id, id: rejected.id, now: later),
                    try transaction.uploads.markDeleted(id, id: RandomID.uploadID(), now: later),
                    try transaction.uploads.markDeleted(RandomID.internalID(), id: kept.id, now: later),
                ]
            }
            #expect(
                outcomes == [
                    .deleted(kept), .alreadyDeleted(tombstone), .withoutContent(rejected), .notFound, .notFound,
                ])
            #expect(try find(database, kept) == tombstone)
        }
    }

    @Test("Only an unscanned, completed upload is quarantined or resolved, and once", arguments: DriverFactory.all)
    func settle(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let id = try await seeded(database)
            let bad = Sample.upload(of: id, scanState: .unscanned)
            let good = Sample.upload(of: id, scanState: .unscanned)
            let deleted = Sample.upload(of: id, status: .deleted, scanState: .unscanned)
            let scanned = Sample.upload(of: id)
            try await database.insert([bad, good, deleted, scanned])
            let nsfw = Sample.receipt(bad.sha256, decision: .quarantined, reason: .nsfw)
            let clean = Sample.receipt(good.sha256)
            let results = try await database.write { transaction throws(DatabaseError) in
                let uploads = transaction.uploads
                return [
                    try uploads.quarantine(id, id: bad.id, receipt: nsfw, now: Moment.start),
                    try uploads.quarantine(id, id: bad.id, receipt: nsfw, now: Moment.start),
                    try uploads.resolveScan(id, id: bad.id, receipt: clean),
                    try uploads.resolveScan(id, id: good.id, receipt: clean),
                    try uploads.quarantine(id, id: deleted.id, receipt: nsfw, now: Moment.start),
                    try uploads.quarantine(id, id: scanned.id, receipt: nsfw, now: Moment.start),
                ]
            }
            #expect(results == [true, false, false, true, false, false])
            let (found, count) = (
                try find(database, bad),
                try database.read { transaction throws(DatabaseError) in try transaction.uploads.unscannedCount(id) }
            )
            #expect(found?.status == .quarantined)
            #expect(found?.scanState == .scanned)
            #expect(found?.receipt == nsfw)
            #expect(try find(database, good)?.receipt == clean)
            #expect(count == 0)
        }
    }

    @Test("The debt is given out in turns, the oldest of each organization first", arguments: DriverFactory.all)
    func debtIsFair(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organizations = [Sample.organization(), Sample.organization(), Sample.organization()]
            for organization in organizations { try await database.insert(organization) }
            func upload(_ index: Int, _ second: Int64, _ type: MediaType = .jpeg) -> UploadRecord {
                Sample.upload(
                    of: organizations[index].internalID, mediaType: type, scanState: .unscanned,
                    createdAt: Moment.start.adding(seconds: second))
            }
            // The first has a long debt, and the oldest; of the last only a type that nothing decodes.
            let long = (0..<20).map { upload(0, Int64($0), $0 % 2 == 0 ? .jpeg : .png) }
            let short = [upload(1, 50), upload(1, 40, .png)]
            try await database.insert(long + short + [upload(2, 1, .svg)])
            let (debt, all, total, counts) = try database.read { transaction throws(DatabaseError) in
                (
                    try transaction.uploads.unscannedDebt(types: [.jpeg, .png], limit: 4),
                    try transaction.uploads.unscannedDebt(types: [.jpeg, .png], limit: 100),
                    try transaction.uploads.unscannedCount(),
                    try transaction.uploads.unscannedCounts().map { [$0.organization.rawValue: $0.count] }
                )
            }
            #expect(debt.map(\.record) == [long[0], short[1], long[1], short[0]])
            #expect(debt.map(\.organization) == [0, 1, 0, 1].map { organizations[$0].id })
            #expect(all.count == 22)
            #expect(total == 23)
            #expect(counts.first == [organizations[0].id.rawValue: 20])
            let none = try database.read { transaction throws(DatabaseError) in
                try transaction.uploads.unscannedDebt(types: [], limit: 5)
            }
            #expect(none.isEmpty)
        }
    }

    @Test(
        "Duplicates are completed uploads of the same organization with the same content", arguments: DriverFactory.all)
    func duplicates(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, two) = (try await seeded(database), try await seeded(database))
            let first = Sample.upload(of: one, content: "same")
            let second = Sample.upload(of: one, content: "same", createdAt: Moment.start.adding(seconds: 1))
            try await database.insert([
                second, first, Sample.upload(of: one, status: .rejected, content: "same"),
                Sample.upload(of: one, content: "other"), Sample.upload(of: two, content: "same"),
            ])
            let found = try database.read { transaction throws(DatabaseError) in
                try transaction.uploads.duplicates(of: first.sha256, in: one)
            }
            #expect(found == [first, second])
        }
    }
}
