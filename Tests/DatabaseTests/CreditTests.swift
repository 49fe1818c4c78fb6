import Crypto
import Database
import Domain
import Testing

@Suite struct CreditTests {
    @Test(
        "A hold reserves, a capture spends the allowance first, and the rest of the hold comes back",
        arguments: DriverFactory.all)
    func holdAndCapture(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(5, to: organization.internalID, reason: "test", now: Moment.start)
            }
            guard case .placed(let hold, let held) = try await database.hold(organization, 14) else {
                Issue.record("the credits were there")
                return
            }
            #expect(held.available == 1)
            #expect(held.held == 14)
            guard case .captured(let charge) = try await database.capture(hold, 12) else {
                Issue.record("the hold was open")
                return
            }
            #expect(charge.fromAllowance == 10)
            #expect(charge.fromPurchased == 2)
            #expect(charge.balance == (try database.balance(organization)))
            #expect(charge.balance.available == 3)
            #expect(charge.balance.held == 0)
            let usage = try database.read { transaction throws(DatabaseError) in
                try transaction.credits.usage(of: organization.internalID, in: charge.balance.period)
            }
            #expect(usage == CreditUsage(credits: 12, bytes: 12 * Credits.bytesPerCredit, uploads: 1))
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test(
        "A hold for more than is there is refused with the balance, and changes nothing", arguments: DriverFactory.all)
    func insufficient(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            let before = try database.balance(organization)
            #expect(try await database.hold(organization, 11) == .insufficient(before))
            #expect(try database.balance(organization) == before)
            #expect(try await database.hold(organization, 10).id != nil)
            #expect(try await database.hold(Sample.organization(), 1) == .noSuchOrganization)
        }
    }

    @Test("A hold is captured or released once; after that it is not open", arguments: DriverFactory.all)
    func closedOnce(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            let captured = try #require(try await database.hold(organization, 2).id)
            let released = try #require(try await database.hold(organization, 3).id)
            _ = try await database.capture(captured, 2)
            for _ in 0..<2 { #expect(try await database.capture(captured, 2) == .notOpen) }
            let results = try await database.write { transaction throws(DatabaseError) in
                [
                    try transaction.credits.releaseHold(released, reason: .rejected, now: Moment.start),
                    try transaction.credits.releaseHold(released, reason: .rejected, now: Moment.start),
                    try transaction.credits.releaseHold(captured, reason: .aborted, now: Moment.start),
                ]
            }
            #expect(results == [true, false, false])
            #expect(try await database.capture(released, 1) == .notOpen)
            #expect(try database.balance(organization).available == 8)
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("A capture larger than its hold is a mistake that changes nothing", arguments: DriverFactory.all)
    func captureTooLarge(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            let hold = try #require(try await database.hold(organization, 2).id)
            for amount in [3, 0, -1, .max] as [Int64] {
                await #expect {
                    try await database.write { transaction throws(DatabaseError) in
                        try transaction.credits.captureHold(hold, amount: amount, bytes: 1, now: Moment.start)
                    }
                } throws: { error in
                    guard case .misuse? = error as? DatabaseError else { return false }
                    return true
                }
            }
            #expect(try database.balance(organization).held == 2)
            guard case .captured = try await database.capture(hold, 2) else {
                Issue.record("the hold was open")
                return
            }
        }
    }

    @Test("A hold grows as long as the credits last", arguments: DriverFactory.all)
    func grow(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            let hold = try #require(try await database.hold(organization, 2).id)
            // The amount to grow to, and what is held after it.
            for (amount, held, grows) in [(5, 5, true), (3, 5, true), (11, 5, false), (10, 10, true)]
                as [(Int64, Int64, Bool)]
            {
                let outcome = try await database.write { transaction throws(DatabaseError) in
                    try transaction.credits.growHold(hold, to: amount, now: Moment.start)
                }
                let balance = try database.balance(organization)
                #expect(outcome == (grows ? .grown(balance) : .insufficient(balance)))
                #expect(balance.held == held)
            }
            _ = try await database.capture(hold, 10)
            let outcome = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.growHold(hold, to: 20, now: Moment.start)
            }
            #expect(outcome == .notOpen)
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("Holds expire at their time, and growing may put it off", arguments: DriverFactory.all)
    func expiry(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            @Sendable func at(_ seconds: Int64) -> Timestamp { Moment.start.adding(seconds: seconds) }
            _ = try await database.hold(organization, 1, expiresAt: at(10))
            let extended = try #require(try await database.hold(organization, 2, expiresAt: at(10)).id)
            _ = try await database.hold(organization, 4, expiresAt: at(20))
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.growHold(extended, to: 2, expiresAt: at(30), now: Moment.start)
            }
            for (now, expired, held) in [(9, 0, 7), (10, 1, 6), (20, 1, 2), (29, 0, 2), (30, 1, 0)]
                as [(Int64, Int, Int64)]
            {
                let count = try await database.write { transaction throws(DatabaseError) in
                    try transaction.credits.expireHolds(now: at(now))
                }
                #expect(count == expired)
                #expect(try database.balance(organization).held == held)
            }
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("A node that starts anew gives back its own holds only", arguments: DriverFactory.all)
    func nodeRestart(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let (one, two) = (Sample.organization(), Sample.organization())
            try await database.insert(one)
            try await database.insert(two)
            _ = try await database.hold(one, 1, node: "node_a")
            _ = try await database.hold(two, 2, node: "node_a")
            _ = try await database.hold(one, 4, node: "node_b")
            let count = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.releaseHolds(ofNode: "node_a", now: Moment.start)
            }
            #expect(count == 2)
            #expect(try database.balance(one).held == 4)
            #expect(try database.balance(two).held == 0)
        }
    }

    @Test(
        "Unlimited and automatically billed organizations are never refused, and all they use is counted",
        arguments: DriverFactory.all)
    func withoutLimit(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let unlimited = Sample.organization(tier: .enterprise)
            let billed = Sample.organization(allowance: .limited(10), autoBilling: true)
            for organization in [unlimited, billed] {
                try await database.insert(organization)
                _ = try await database.write { transaction throws(DatabaseError) in
                    try transaction.credits.grant(3, to: organization.internalID, reason: "test", now: Moment.start)
                }
                try await database.spend(organization, 500)
                try database.expectReconciled(organization.internalID)
            }
            let free = try database.balance(unlimited)
            #expect(free.available == nil)
            #expect(free.allowanceUsed == 500)
            #expect(free.purchased == 3)
            let past = try database.balance(billed)
            #expect(past.allowanceUsed == 497)
            #expect(past.purchased == 0)
            #expect(past.available == -487)
        }
    }

    @Test("Changing tier or allowance in the middle of a period keeps what was used", arguments: DriverFactory.all)
    func tierChange(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            try await database.spend(organization, 900)
            for (allowance, available) in [(.limited(5_000), 4_100), (.limited(100), -800), (nil, 100)]
                as [(MonthlyAllowance?, Int64)]
            {
                _ = try await database.write { transaction throws(DatabaseError) in
                    try transaction.organizations.update(organization.internalID, now: Moment.start) {
                        $0.monthlyAllowanceOverride = allowance
                    }?.after
                }
                #expect(try database.balance(organization).available == available)
            }
        }
    }

    @Test(
        "A FREE organization is raised when its balance reaches a tier's threshold", arguments: DriverFactory.all,
        [
            (98_999, nil, Tier.free, 99_999), (99_000, Tier.pro, Tier.pro, 199_000),
            (999_000, Tier.team, Tier.team, 1_999_000),
        ] as [(Int64, Tier?, Tier, Int64)])
    func upgrade(_ factory: DriverFactory, _ expected: (Int64, Tier?, Tier, Int64)) async throws {
        let (amount, upgrade, tier, available) = expected
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            let result = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(
                    amount, to: organization.internalID, reason: "purchase", now: Moment.start)
            }
            #expect(result?.upgradedTo == upgrade)
            #expect(result?.balance.available == available)
            let found = try database.read { transaction throws(DatabaseError) in
                try transaction.organizations.find(organization.internalID)
            }
            #expect(found?.tier == tier)
            // Once raised, nothing more happens.
            let again = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(1, to: organization.internalID, reason: "purchase", now: Moment.start)
            }
            if tier != .free { #expect(again?.upgradedTo == nil) }
        }
    }

    @Test("Nothing but 1...10¹² credits can be granted", arguments: DriverFactory.all)
    func grantLimits(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            for amount in [0, -5, CreditLedger.maximumAmount + 1] {
                await #expect(throws: DatabaseError.self) {
                    try await database.write { transaction throws(DatabaseError) in
                        try transaction.credits.grant(
                            amount, to: organization.internalID, reason: "x", now: Moment.start)
                    }
                }
            }
            let missing = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(1, to: RandomID.internalID(), reason: "x", now: Moment.start)
            }
            #expect(missing == nil)
            #expect(try database.balance(organization).purchased == 0)
        }
    }
}
