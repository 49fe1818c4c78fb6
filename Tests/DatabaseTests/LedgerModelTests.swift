import Crypto
import Database
import Domain
import Testing

@Suite struct LedgerModelTests {
    // Each seed is another organization and another sequence of 250 operations over about a year.
    @Test(
        "Any sequence of operations ends as plain arithmetic says", arguments: DriverFactory.all,
        1...16 as ClosedRange<UInt64>)
    func randomSequences(_ factory: DriverFactory, _ seed: UInt64) async throws {
        try await withDatabase(factory) { database in
            var random = SeededGenerator(seed: seed)
            let allowances: [MonthlyAllowance] = [.limited(0), .limited(20), .limited(60), .unlimited]
            let organization = Sample.organization(
                allowance: allowances.randomElement(using: &random),
                autoBilling: Int.random(in: 0..<4, using: &random) == 0,
                cycleStart: [1, 15, 29, 31].randomElement(using: &random) ?? 1)
            try await database.insert(organization)
            var run = Run(database: database, organization: organization)
            for step in 0..<250 {
                try await run.step(&random)
                let balance = try database.balance(organization, at: run.now)
                #expect(balance == run.model.balance, "seed \(seed), step \(step)")
                if balance != run.model.balance { return }
                if step % 25 == 0 { try database.expectReconciled(organization.internalID) }
            }
            try run.expectUsage()
            try database.expectReconciled(organization.internalID)
        }
    }

    private struct Run {
        let database: any DatabaseDriver
        let organization: Organization
        var model: LedgerModel
        var now = Moment.start

        init(database: any DatabaseDriver, organization: Organization) {
            self.database = database
            self.organization = organization
            model = LedgerModel(organization)
        }

        mutating func step(_ random: inout SeededGenerator) async throws {
            now = now.adding(seconds: Int64.random(in: 0...260_000, using: &random))
            model.advance(to: now)
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4: try await place(Int64.random(in: 1...12, using: &random), &random)
            case 4..<7: try await capture(&random)
            case 7: try await release(&random)
            case 8: try await grow(&random)
            // Small ones, and some that raise a FREE organization to a higher tier.
            case 9:
                let isLarge = Int.random(in: 0..<8, using: &random) == 0
                try await grant(Int64.random(in: isLarge ? 99_000...1_100_000 : 1...30, using: &random))
            case 10: try await expire()
            default: try await change(&random)
            }
        }

        private mutating func place(_ amount: Int64, _ random: inout SeededGenerator) async throws {
            let expiresAt = now.adding(seconds: Int64.random(in: 1...2_000_000, using: &random))
            let outcome = try await database.hold(organization, amount, expiresAt: expiresAt, at: now)
            #expect((outcome.id != nil) == model.covers(amount))
            if let id = outcome.id { model.holds[id] = .init(amount: amount, expiresAt: expiresAt) }
        }

        private func anyHold(_ random: inout SeededGenerator) -> (HoldID, LedgerModel.Hold)? {
            // In an order that does not depend on the process.
            model.holds.sorted { ($0.value.expiresAt, $0.value.amount) < ($1.value.expiresAt, $1.value.amount) }
                .randomElement(using: &random).map { ($0.key, $0.value) }
        }

        private mutating func capture(_ random: inout SeededGenerator) async throws {
            guard let (id, hold) = anyHold(&random) else { return }
            let amount = Int64.random(in: 1...hold.amount, using: &random)
            guard case .captured(let charge) = try await database.capture(id, amount, at: now) else {
                Issue.record("an open hold was not captured")
                return
            }
            #expect(charge.amount == amount)
            model.holds[id] = nil
            model.capture(amount)
        }

        private mutating func release(_ random: inout SeededGenerator) async throws {
            guard let (id, _) = anyHold(&random) else { return }
            let now = now
            let released = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.releaseHold(id, reason: .aborted, now: now)
            }
            #expect(released)
            model.holds[id] = nil
        }

        private mutating func grow(_ random: inout SeededGenerator) async throws {
            guard let (id, hold) = anyHold(&random) else { return }
            let (now, amount) = (now, Int64.random(in: 1...24, using: &random))
            let outcome = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.growHold(id, to: amount, now: now)
            }
            let missing = amount - hold.amount
            guard missing > 0 else { return #expect(outcome == .grown(model.balance)) }
            let isCovered = model.covers(missing)
            if isCovered { model.holds[id]?.amount = amount }
            #expect(outcome == (isCovered ? .grown(model.balance) : .insufficient(model.balance)))
        }

        private mutating func grant(_ amount: Int64) async throws {
            let (id, now) = (organization.internalID, now)
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(amount, to: id, reason: "model", now: now)
            }
            model.grant(amount)
        }

        private mutating func expire() async throws {
            let now = now
            let count = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.expireHolds(now: now)
            }
            let overdue = model.holds.filter { $0.value.expiresAt <= now }
            #expect(count == overdue.count)
            for id in overdue.keys { model.holds[id] = nil }
        }

        private mutating func change(_ random: inout SeededGenerator) async throws {
            let (id, now) = (organization.internalID, now)
            let allowance = Int64.random(in: 0...80, using: &random)
            // Kept as it is, set to a number, taken away or lifted; and with it the tier, which a grant may raise.
            let override: MonthlyAllowance?? =
                [.some(.limited(allowance)), .some(.unlimited), .some(nil), nil]
                .randomElement(using: &random) ?? nil
            let tier = Tier.allCases.randomElement(using: &random) ?? .free
            let autoBilling = Int.random(in: 0..<4, using: &random) == 0
            let cycleStart = Int.random(in: 1...31, using: &random)
            let changed = try await database.write { transaction throws(DatabaseError) in
                try transaction.organizations.update(id, now: now) {
                    if let override { $0.monthlyAllowanceOverride = override }
                    $0.tier = tier
                    $0.autoBillingEnabled = autoBilling
                    $0.billingCycleStart = cycleStart
                }?.after
            }
            #expect(changed != nil)
            if let override { model.override = override }
            model.tier = tier
            model.autoBilling = autoBilling
            // What the account had not noticed of the time since it was last written, it now sees under the new cycle.
            model.cycleStart = cycleStart
        }

        func expectUsage() throws {
            for (start, credits) in model.capturedByPeriodStart {
                let starts = model.capturedByPeriodStart.keys.sorted()
                let end = starts.first { $0 > start } ?? now.adding(milliseconds: 1)
                let usage = try database.read { transaction throws(DatabaseError) in
                    try transaction.credits.usage(
                        of: organization.internalID, in: BillingPeriod(start: start, end: end))
                }
                #expect(usage.credits == credits)
            }
        }
    }
}
