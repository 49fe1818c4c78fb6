import Crypto
import Database
import Domain
import Testing

/// Spending that was not held before.
@Suite("Charges") struct ChargeTests {
    private func charge(
        _ database: any DatabaseDriver, _ organization: Organization, _ amount: Int64, at now: Timestamp = Moment.start
    ) async throws -> ChargeOutcome {
        try await database.write { transaction throws(DatabaseError) in
            try transaction.credits.charge(
                organization.internalID, amount: amount, upload: RandomID.uploadID(), bytes: 120, now: now)
        }
    }

    @Test(
        "A charge spends the allowance first, leaves what is held, and is refused with the balance where it is not covered",
        arguments: DriverFactory.all)
    func allowanceFirst(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(5, to: organization.internalID, reason: "test", now: Moment.start)
            }
            let hold = try #require(try await database.hold(organization, 2).id)
            let charge = try #require(try await self.charge(database, organization, 12).charge)
            #expect((charge.fromAllowance, charge.fromPurchased) == (10, 2))
            #expect(charge.balance == (try database.balance(organization)))
            #expect(charge.balance.available == 1 && charge.balance.held == 2)
            #expect(try await self.charge(database, organization, 2) == .insufficient(charge.balance))
            #expect(try database.balance(organization) == charge.balance)
            guard case .captured = try await database.capture(hold, 2) else {
                Issue.record("what was held was spent by somebody else")
                return
            }
            let usage = try database.read { transaction throws(DatabaseError) in
                try transaction.credits.usage(of: organization.internalID, in: charge.balance.period)
            }
            #expect(usage == CreditUsage(credits: 14, bytes: 120 + 2 * Credits.bytesPerCredit, uploads: 2))
            try database.expectReconciled(organization.internalID)
            #expect(try await self.charge(database, Sample.organization(), 1) == .noSuchOrganization)
            for amount in [0, -1, .max] as [Int64] {
                await #expect(throws: DatabaseError.self) { try await self.charge(database, organization, amount) }
            }
        }
    }

    @Test("Without a limit, and under automatic billing, a charge is never refused", arguments: DriverFactory.all)
    func unlimited(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            var billed = Sample.organization(allowance: .limited(1))
            billed.autoBillingEnabled = true
            for organization in [Sample.organization(allowance: .unlimited), billed] {
                try await database.insert(organization)
                let charge = try #require(try await self.charge(database, organization, 5).charge)
                #expect((charge.fromAllowance, charge.fromPurchased) == (5, 0))
                try database.expectReconciled(organization.internalID)
            }
        }
    }

    @Test("A charge after the period's end is of the new period", arguments: DriverFactory.all)
    func newPeriod(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(3))
            try await database.insert(organization)
            _ = try await charge(database, organization, 3)
            let end = try database.balance(organization).period.end
            let charge = try #require(try await self.charge(database, organization, 2, at: end).charge)
            #expect(charge.balance.period.start == end && charge.balance.allowanceUsed == 2)
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("Charges and holds at the same time never spend more than there is", arguments: DriverFactory.all)
    func concurrent(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(40))
            try await database.insert(organization)
            let spent = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        guard number % 2 == 0 else {
                            guard let hold = try await database.hold(organization, 1).id else { return 0 }
                            guard case .captured = try await database.capture(hold, 1) else { return 0 }
                            return 1
                        }
                        guard case .charged = try await self.charge(database, organization, 1) else { return 0 }
                        return 1
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(spent == 40)
            #expect(try database.balance(organization).available == 0)
            try database.expectReconciled(organization.internalID)
        }
    }
}

extension ChargeOutcome {
    fileprivate var charge: CreditCharge? {
        guard case .charged(let charge) = self else { return nil }
        return charge
    }
}
