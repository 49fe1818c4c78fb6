import Crypto
import Database
import Domain
import Testing

@Suite("Verdicts that are kept")
struct VerdictTests {
    private static func subject(
        _ organization: Organization, _ content: String = "a", _ type: MediaType = .jpeg, scanner: String = "one"
    ) -> ScanSubject {
        ScanSubject(
            organization: organization.internalID, sha256: SHA256.hash(of: content), mediaType: type,
            scanner: ScannerIdentity(
                model: ModelIdentity(name: "m", sha256: "s", preprocessing: "1"),
                fingerprint: SHA256.hash(of: scanner)))
    }

    private static func verdict(_ subject: ScanSubject, _ score: Double = 0.1 + 0.2, at seconds: Int64 = 0)
        -> ScanVerdict
    {
        ScanVerdict(
            subject, .scored(ScanScore(score: score, framesTotal: 3, framesScanned: 2)), under: 0.8,
            at: Moment.start.adding(seconds: seconds))
    }

    @Test("A verdict comes back as it was kept, and only for what it is about", arguments: DriverFactory.all)
    func roundTrip(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, other) = (Sample.organization(), Sample.organization())
            try await database.insert(one)
            try await database.insert(other)
            let scored = Self.verdict(Self.subject(one))
            let broken = ScanVerdict(
                Self.subject(one, "b"), .unscannable("it ends too soon"), under: 0.8, at: Moment.start)
            try await database.write { transaction throws(DatabaseError) in
                try transaction.verdicts.keep(scored)
                try transaction.verdicts.keep(broken)
            }
            try database.read { transaction throws(DatabaseError) in
                #expect(try transaction.verdicts.find(scored.subject) == scored)
                #expect(try transaction.verdicts.find(broken.subject) == broken)
                for stranger in [
                    Self.subject(other), Self.subject(one, "c"), Self.subject(one, "a", .png),
                    Self.subject(one, scanner: "two"),
                ] {
                    #expect(try transaction.verdicts.find(stranger) == nil)
                }
            }
            // A newer one takes its place.
            let newer = Self.verdict(Self.subject(one), 0.9, at: 5)
            try await database.write { transaction throws(DatabaseError) in
                try transaction.verdicts.keep(newer)
                #expect(try transaction.verdicts.find(newer.subject) == newer)
                #expect(try transaction.verdicts.count() == 2)
            }
        }
    }

    @Test("A deleted organization's verdicts go with it, and none comes after", arguments: DriverFactory.all)
    func deletion(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (gone, stays) = (Sample.organization(), Sample.organization())
            try await database.insert(gone)
            try await database.insert(stays)
            try await database.write { transaction throws(DatabaseError) in
                for organization in [gone, stays] {
                    for index in 0..<3 {
                        try transaction.verdicts.keep(Self.verdict(Self.subject(organization, "\(index)")))
                    }
                }
                #expect(try transaction.organizations.delete(gone.internalID, now: Moment.start))
                #expect(try transaction.verdicts.count() == 3)
                // An upload that was in flight ends.
                try transaction.verdicts.keep(Self.verdict(Self.subject(gone, "late")))
                #expect(try transaction.verdicts.count() == 3)
                #expect(try transaction.verdicts.find(Self.subject(stays, "1")) != nil)
            }
        }
    }

    @Test(
        "What is too old goes, and of what is too much other scanners' first, then the oldest",
        arguments: DriverFactory.all)
    func removal(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            try await database.write { transaction throws(DatabaseError) in
                let verdicts = transaction.verdicts
                for index in 0..<6 {
                    let scanner = index % 2 == 0 ? "now" : "before"
                    try verdicts.keep(
                        Self.verdict(Self.subject(organization, "\(index)", scanner: scanner), at: Int64(index)))
                }
                func left() throws(DatabaseError) -> [Int] {
                    var left: [Int] = []
                    for index in 0..<6 {
                        let scanner = index % 2 == 0 ? "now" : "before"
                        let subject = Self.subject(organization, "\(index)", scanner: scanner)
                        if try verdicts.find(subject) != nil { left.append(index) }
                    }
                    return left
                }
                #expect(try verdicts.removeScanned(by: Moment.start.adding(seconds: 1), limit: 1) == 1)
                #expect(try left() == [1, 2, 3, 4, 5])
                #expect(try verdicts.removeScanned(by: Moment.start.adding(seconds: 1), limit: 10) == 1)
                #expect(try left() == [2, 3, 4, 5])
                let scanner = SHA256.hash(of: "now")
                #expect(try verdicts.removeOldest(limit: 1, sparing: scanner) == 1)
                #expect(try left() == [2, 4, 5])
                #expect(try verdicts.removeOldest(limit: 2, sparing: scanner) == 2)
                #expect(try left() == [4])
                #expect(try verdicts.removeOfDeletedOrganizations(limit: 10) == 0)
                #expect(try verdicts.removeOldest(limit: 5, sparing: nil) == 1)
            }
        }
    }
}
