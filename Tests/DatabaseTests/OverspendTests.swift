import Crypto
import Database
import Domain
import TestSupport
import Testing

@Suite struct OverspendTests {
    @Test("64 concurrent holds on the last credit give one hold", arguments: DriverFactory.all, [1, 2])
    func lastCredit(_ factory: DriverFactory, _ nodeCount: Int) async throws {
        let store = try factory.make()
        defer { store.remove() }
        // Several drivers on one database, as several nodes have.
        let nodes = try (0..<nodeCount).map { _ in try store.open() }
        defer { nodes.forEach { $0.close() } }
        for round in 1...5 {
            let organization = Sample.organization(allowance: .limited(Int64(round)))
            try await nodes[0].insert(organization)
            let outcomes = try await withThrowingTaskGroup(of: HoldOutcome.self) { group in
                for index in 0..<64 {
                    group.addTask { try await nodes[index % nodeCount].hold(organization, 1) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0.id != nil } == round)
            let balance = try nodes[nodeCount - 1].balance(organization)
            #expect(balance.available == 0)
            #expect(balance.held == Int64(round))
            try nodes[0].expectReconciled(organization.internalID)
        }
    }

    @Test(
        "Concurrent holds, captures and releases from two drivers end with every credit accounted for",
        arguments: DriverFactory.all)
    func mixed(_ factory: DriverFactory) async throws {
        let store = try factory.make()
        defer { store.remove() }
        let nodes = [try store.open(), try store.open()]
        defer { nodes.forEach { $0.close() } }
        let organization = Sample.organization(allowance: .limited(200))
        try await nodes[0].insert(organization)
        let spent = try await withThrowingTaskGroup(of: Int64.self) { group in
            for client in 0..<16 {
                group.addTask {
                    var spent: Int64 = 0
                    for step in 0..<30 {
                        let database = nodes[(client + step) % 2]
                        let amount = Int64((client * 7 + step) % 5 + 1)
                        guard let hold = try await database.hold(organization, amount).id else { continue }
                        // Some capture, some release, some are captured by the other node at the same time.
                        if step % 3 == 0 {
                            _ = try await database.write { transaction throws(DatabaseError) in
                                try transaction.credits.releaseHold(hold, reason: .rejected, now: Moment.start)
                            }
                            continue
                        }
                        async let one = nodes[0].capture(hold, amount)
                        async let other = nodes[1].capture(hold, amount)
                        let outcomes = try await [one, other]
                        let captured = outcomes.count { if case .captured = $0 { true } else { false } }
                        #expect(captured == 1)
                        spent += amount
                    }
                    return spent
                }
            }
            return try await group.reduce(0, +)
        }
        let balance = try nodes[0].balance(organization)
        #expect(balance.allowanceUsed == spent)
        #expect(balance.allowanceUsed <= 200)
        #expect(balance.held == 0)
        // The pressure was high enough for the limit to matter.
        #expect(spent > 190)
        try nodes[1].expectReconciled(organization.internalID)
    }

    @Test("Two processes on one database file never spend a credit twice")
    func twoProcesses() async throws {
        let store = SQLiteTestStore()
        defer { store.remove() }
        let database = try store.open()
        defer { database.close() }
        var organization = Sample.organization(allowance: .limited(301))
        // The processes use the real clock.
        organization.billingCycleStart = 1
        try await database.insert(organization)
        let processes = try [(".first", ".second"), (".second", ".first")].map { own, other in
            try storageTestProcess("spend", store.path, organization.internalID.rawValue, own, other)
        }
        let counts = try processes.map { process in
            let outcome = try process.wait()
            #expect(outcome.status == .exited(0))
            return try #require(Int64(outcome.errorLines.first ?? ""))
        }
        // Each upload takes 2 of 301 credits.
        #expect(counts.reduce(0, +) == 150)
        #expect(counts.allSatisfy { $0 > 0 }, "both processes had a share: \(counts)")
        let state = try database.read { transaction throws(DatabaseError) in
            try transaction.credits.reconcile(organization.internalID)
        }
        #expect(state?.stored.allowanceUsed == 300)
        #expect(state?.stored.held == 0)
        try database.expectReconciled(organization.internalID)
    }
}
