import Admission
import Domain
import Synchronization
import Testing

/// A clock that the test moves.
final class ManualTime: TimeSource {
    private let milliseconds: Mutex<Int64>
    init(_ milliseconds: Int64 = 1_700_000_000_000) { self.milliseconds = Mutex(milliseconds) }
    func now() -> Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }
    func advance(milliseconds step: Int64) { milliseconds.withLock { $0 += step } }
}

@Suite("Rate limits")
struct RateLimiterTests {
    private let time = ManualTime()

    private func caller(
        _ name: String = "a", tier: Tier = .team, overrides: RateLimitOverrides = .init(), keyLimit: Int? = nil
    ) -> Caller {
        let zero = Timestamp(milliseconds: 0)
        let organization = Organization(
            internalID: InternalID(rawValue: "int_\(name)"), id: OrganizationID(rawValue: "org_\(name)"), name: name,
            tier: tier, rateLimitOverrides: overrides, createdAt: zero, updatedAt: zero)
        let key = APIKey(
            id: KeyID(rawValue: "key_\(name)"), organization: organization.internalID,
            user: UserID(rawValue: "usr_\(name)"), name: name,
            hash: ContentHash(rawValue: String(repeating: "0", count: 64))!, prefix: "sk_", permissions: [.admin],
            rateLimitOverride: keyLimit, createdAt: zero)
        return Caller(organization: organization, key: key)
    }

    private func passes(_ limiter: RateLimiter, _ category: RateLimitCategory, _ caller: Caller, of count: Int) -> Int {
        (0..<count).count { _ in (try? limiter.take(category, for: caller)) != nil }
    }

    @Test("64 parallel requests on a limit of 50 let exactly 50 through")
    func exact() async {
        let limiter = RateLimiter(time: time)
        let caller = caller()
        let passed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 { group.addTask { (try? limiter.take(.upload, for: caller)) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 50)
    }

    @Test("A token comes back after its share of a minute")
    func refill() throws {
        let limiter = RateLimiter(time: time)
        let caller = caller(tier: .free)
        #expect(passes(limiter, .upload, caller, of: 10) == 5)
        time.advance(milliseconds: 11_999)
        #expect(passes(limiter, .upload, caller, of: 10) == 0)
        time.advance(milliseconds: 1)
        #expect(passes(limiter, .upload, caller, of: 10) == 1)
        time.advance(milliseconds: 600_000)
        #expect(passes(limiter, .upload, caller, of: 10) == 5)
    }

    @Test("A refusal says what the limit is and when to come again")
    func refusal() throws {
        let limiter = RateLimiter(time: time)
        let caller = caller(tier: .free)
        _ = passes(limiter, .upload, caller, of: 5)
        do {
            _ = try limiter.take(.upload, for: caller)
            Issue.record("the sixth request passed")
        } catch {
            #expect(error.code == .tooManyRequests)
            #expect(error.retryAfterSeconds == 12)
            #expect(error.details?["api_name"] == "upload")
            #expect(error.details?["limit"] == 5)
            #expect(error.headers.contains { $0 == ("X-RateLimit-Remaining", "0") })
        }
    }

    @Test("Categories and organizations do not share a bucket")
    func separate() {
        let limiter = RateLimiter(time: time)
        #expect(passes(limiter, .upload, caller(tier: .free), of: 9) == 5)
        #expect(passes(limiter, .metadata, caller(tier: .free), of: 99) == 20)
        #expect(passes(limiter, .upload, caller("b", tier: .free), of: 9) == 5)
    }

    @Test("A raised limit counts at once, a lowered one too")
    func changed() {
        let limiter = RateLimiter(time: time)
        #expect(passes(limiter, .upload, caller(), of: 60) == 50)
        #expect(passes(limiter, .upload, caller(overrides: .init([.upload: 60])), of: 60) == 10)
        time.advance(milliseconds: 60_000)
        #expect(passes(limiter, .upload, caller(overrides: .init([.upload: 3])), of: 60) == 3)
    }

    @Test("A key's own limit bounds the key and, when it refuses, costs the organization nothing")
    func keyLimit() throws {
        let limiter = RateLimiter(time: time)
        let bounded = caller(keyLimit: 2)
        #expect(passes(limiter, .upload, bounded, of: 20) == 2)
        #expect(try limiter.take(.upload, for: caller()).status.remaining == 47)
    }

    @Test("What is given back can be taken again")
    func giveBack() throws {
        let limiter = RateLimiter(time: time)
        let caller = caller(tier: .free)
        let pass = try limiter.take(.upload, for: caller)
        #expect(pass.status.remaining == 4)
        limiter.giveBack(pass)
        #expect(passes(limiter, .upload, caller, of: 9) == 5)
    }

    @Test("A clock that is set back neither gives nor takes")
    func clockSetBack() {
        let limiter = RateLimiter(time: time)
        let caller = caller(tier: .free)
        #expect(passes(limiter, .upload, caller, of: 3) == 3)
        time.advance(milliseconds: -3_600_000)
        #expect(passes(limiter, .upload, caller, of: 9) == 2)
    }
}
