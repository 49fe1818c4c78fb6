import Domain
import Testing

@Suite("Credits, tiers and limits")
struct ValueTests {
    @Test(
        "A started MiB costs one credit",
        arguments: [
            (0, 1), (1, 1), (1_048_576, 1), (1_048_577, 2), (2_097_152, 2), (104_857_600, 100), (104_857_601, 101),
        ] as [(Int64, Int64)])
    func cost(_ bytes: Int64, _ credits: Int64) {
        #expect(Credits.cost(ofBytes: bytes) == credits)
    }

    @Test("Overrides are merged over the tier's limits category by category")
    func overrides() {
        var organization = Organization(
            internalID: InternalID(rawValue: "int_x"), id: OrganizationID(rawValue: "org_x"), name: "x", tier: .pro,
            createdAt: Timestamp(milliseconds: 0), updatedAt: Timestamp(milliseconds: 0))
        organization.rateLimits = RateLimitOverrides([.upload: 40, .data: 70])
        organization.rateLimitOverrides = RateLimitOverrides([.upload: 99])
        let limits = organization.effectiveRateLimits
        #expect(limits.upload == 99)
        #expect(limits.data == 70)
        #expect(limits.metadata == 100)
    }

    @Test("Any infrastructure, even an empty object, means the dedicated plane")
    func plane() {
        var organization = Organization(
            internalID: InternalID(rawValue: "int_x"), id: OrganizationID(rawValue: "org_x"), name: "x",
            createdAt: Timestamp(milliseconds: 0), updatedAt: Timestamp(milliseconds: 0))
        #expect(organization.plane == .shared)
        organization.infrastructure = [:]
        #expect(organization.plane == .dedicated)
    }

    @Test("An internal identifier does not print itself")
    func redacted() {
        let id = InternalID(rawValue: "int_secret")
        #expect(!"\(id)".contains("secret"))
    }

    @Test("Each permission includes those below it")
    func permissions() {
        func key(_ permissions: Set<Permission>) -> APIKey {
            APIKey(
                id: KeyID(rawValue: "key_x"), organization: InternalID(rawValue: "int_x"),
                user: UserID(rawValue: "usr_x"), name: "k",
                hash: ContentHash(rawValue: String(repeating: "0", count: 64))!, prefix: "sk_",
                permissions: permissions,
                createdAt: Timestamp(milliseconds: 0))
        }
        #expect(key([.admin]).allows(.read) && key([.admin]).allows(.delete))
        #expect(key([.write]).allows(.read) && !key([.write]).allows(.delete))
        #expect(!key([.read]).allows(.write))
        #expect(!key([]).allows(.read))
    }

    @Test("A content hash is 64 lower-case hexadecimal characters")
    func hashes() {
        #expect(ContentHash(rawValue: String(repeating: "a", count: 64)) != nil)
        #expect(ContentHash(rawValue: String(repeating: "A", count: 64)) == nil)
        #expect(ContentHash(rawValue: String(repeating: "a", count: 63)) == nil)
        #expect(ContentHash(rawValue: "../" + String(repeating: "a", count: 61)) == nil)
    }

    @Test("Only automatic billing and an unlimited allowance cover more than is available")
    func covers() {
        let period = BillingPeriod(containing: Timestamp(milliseconds: 0), cycleStart: 1)
        var balance = CreditBalance(
            allowance: 10, allowanceUsed: 4, purchased: 3, held: 2, period: period, autoBillingEnabled: false)
        #expect(balance.available == 7)
        #expect(balance.covers(7) && !balance.covers(8))
        balance.autoBillingEnabled = true
        #expect(balance.covers(1_000))
        balance.autoBillingEnabled = false
        balance.allowance = nil
        #expect(balance.available == nil && balance.covers(1_000_000))
    }

    @Test("A free organization is raised by its balance, no other one")
    func upgrade() {
        #expect(Tier.upgrade(from: .free, balance: 99_999) == nil)
        #expect(Tier.upgrade(from: .free, balance: 100_000) == .pro)
        #expect(Tier.upgrade(from: .free, balance: 1_000_000) == .team)
        #expect(Tier.upgrade(from: .pro, balance: 5_000_000) == nil)
    }
}
