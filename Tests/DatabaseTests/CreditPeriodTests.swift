import Database
import Domain
import Testing

@Suite struct CreditPeriodTests {
    @Test("A period that is over is over for a read too, before anything is written", arguments: DriverFactory.all)
    func readRollsOver(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(100))
            try await database.insert(organization)
            try await database.spend(organization, 60)
            let last = Moment.at("2026-03-31T23:59:59.999Z")
            #expect(try database.balance(organization, at: last).available == 40)
            let next = try database.balance(organization, at: last.adding(milliseconds: 1))
            #expect(next.available == 100)
            #expect(next.period.start == Moment.at("2026-04-01T00:00:00Z"))
            #expect(next.period.end == Moment.at("2026-05-01T00:00:00Z"))
            // Nothing was written: the old moment still gives the old balance.
            #expect(try database.balance(organization, at: last).available == 40)
            try await database.spend(organization, 30, at: Moment.at("2026-04-02T00:00:00Z"))
            #expect(try database.balance(organization, at: Moment.at("2026-04-03T00:00:00Z")).available == 70)
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("A cycle that starts on the 31st starts on the last day of shorter months", arguments: DriverFactory.all)
    func lastDay(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(
                allowance: .limited(10), cycleStart: 31, createdAt: Moment.at("2027-12-31T00:00:00Z"))
            try await database.insert(organization)
            // 2028 is a leap year.
            let starts = [
                "2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30",
            ].map { Moment.at("\($0)T00:00:00Z") }
            for (start, end) in zip(starts, starts.dropFirst()) {
                for moment in [start, end.adding(milliseconds: -1)] {
                    let balance = try database.balance(organization, at: moment)
                    #expect(balance.period == BillingPeriod(start: start, end: end))
                }
                // All of each month's allowance, so that what is left over would show.
                try await database.spend(organization, 10, at: end.adding(milliseconds: -1))
                #expect(try database.balance(organization, at: end.adding(milliseconds: -1)).available == 0)
            }
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test(
        "Purchased credits and open holds outlive the period, unused allowance does not", arguments: DriverFactory.all)
    func carriedOver(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.credits.grant(7, to: organization.internalID, reason: "test", now: Moment.start)
            }
            try await database.spend(organization, 4)
            let hold = try #require(try await database.hold(organization, 5).id)
            let april = Moment.at("2026-04-01T00:00:00Z")
            let balance = try database.balance(organization, at: april)
            #expect(balance.allowanceUsed == 0)
            #expect(balance.purchased == 7)
            #expect(balance.held == 5)
            #expect(balance.available == 12)
            // A hold of March that is captured in April spends April's allowance, and counts as April's usage.
            guard case .captured(let charge) = try await database.capture(hold, 5, at: april) else {
                Issue.record("the hold was open")
                return
            }
            #expect(charge.fromAllowance == 5)
            #expect(charge.balance.period.start == april)
            let (march, aprilUsage) = try database.read { transaction throws(DatabaseError) in
                (
                    try transaction.credits.usage(
                        of: organization.internalID, in: BillingPeriod(containing: Moment.start, cycleStart: 1)),
                    try transaction.credits.usage(of: organization.internalID, in: charge.balance.period)
                )
            }
            #expect(march.credits == 4)
            #expect(aprilUsage.credits == 5)
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test(
        "A new cycle day takes effect when the running period ends, and the periods do not overlap",
        arguments: DriverFactory.all)
    func cycleChange(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10))
            try await database.insert(organization)
            try await database.spend(organization, 4)
            _ = try await database.write { transaction throws(DatabaseError) in
                try transaction.organizations.update(organization.internalID, now: Moment.start) {
                    $0.billingCycleStart = 20
                }?.after
            }
            let running = try database.balance(organization, at: Moment.at("2026-03-25T00:00:00Z"))
            #expect(running.available == 6)
            #expect(running.period.end == Moment.at("2026-04-01T00:00:00Z"))
            let next = try database.balance(organization, at: Moment.at("2026-04-01T00:00:00Z"))
            #expect(next.available == 10)
            #expect(next.period.start == Moment.at("2026-04-01T00:00:00Z"))
            #expect(next.period.end == Moment.at("2026-04-20T00:00:00Z"))
        }
    }

    @Test("An account that slept for years wakes in the present period", arguments: DriverFactory.all)
    func longSleep(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization(allowance: .limited(10), cycleStart: 15)
            try await database.insert(organization)
            try await database.spend(organization, 10)
            let later = Moment.at("2029-07-14T23:00:00Z")
            try await database.spend(organization, 3, at: later)
            let balance = try database.balance(organization, at: later)
            #expect(balance.allowanceUsed == 3)
            #expect(balance.period == BillingPeriod(containing: later, cycleStart: 15))
            try database.expectReconciled(organization.internalID)
        }
    }

    @Test("Usage is told by day, and days without uploads are left out", arguments: DriverFactory.all)
    func byDay(_ factory: DriverFactory) async throws {
        try await withDatabase(factory) { database in
            let organization = Sample.organization()
            try await database.insert(organization)
            for (moment, amount) in [
                ("2026-03-11T00:00:00Z", 2), ("2026-03-11T23:59:59.999Z", 3), ("2026-03-13T12:00:00Z", 4),
            ] as [(String, Int64)] {
                try await database.spend(organization, amount, at: Moment.at(moment))
            }
            let days = try database.read { transaction throws(DatabaseError) in
                try transaction.credits.dailyUsage(
                    of: organization.internalID, in: BillingPeriod(containing: Moment.start, cycleStart: 1)
                ).map { "\($0.day.iso8601) \($0.usage.credits) \($0.usage.uploads)" }
            }
            #expect(days == ["2026-03-11T00:00:00.000Z 5 2", "2026-03-13T00:00:00.000Z 4 1"])
        }
    }
}
