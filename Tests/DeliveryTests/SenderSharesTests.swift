import Domain
import Testing

@testable import Delivery

@Suite struct SenderSharesTests {
    private static let start = ContinuousClock.now

    private static func hook(_ number: Int) -> WebhookID { WebhookID(rawValue: "wh_\(number)") }

    private static func measure(
        _ shares: inout SenderShares, _ webhook: WebhookID, milliseconds: Int, at now: ContinuousClock.Instant
    ) {
        let began = now - .milliseconds(milliseconds)
        shares.begin(webhook, at: began)
        shares.end(webhook, began: began, at: now)
    }

    // Each of them answers with 200, only late: no failure, so that nothing else slows them down.
    @Test("Targets that answer late leave a half to others, however many they are")
    func slow() {
        var (shares, now) = (SenderShares(parallelism: 16), Self.start)
        for number in 0..<40 { Self.measure(&shares, Self.hook(number), milliseconds: 29_000, at: now) }
        Self.measure(&shares, Self.hook(100), milliseconds: 20, at: now)
        var underWay = 0
        for number in 0..<40 {
            for _ in 0..<max(0, min(4, shares.room(for: Self.hook(number), at: now))) {
                shares.begin(Self.hook(number), at: now)
                underWay += 1
            }
        }
        #expect(underWay == 8)
        #expect(shares.room(for: Self.hook(100), at: now) >= 4)
        // One that nothing is known of gets its turn too.
        #expect(shares.room(for: Self.hook(200), at: now) == 1)
        now += .seconds(29)
        shares.end(Self.hook(0), began: Self.start, at: now)
        #expect(shares.room(for: Self.hook(1), at: now) == 1)
    }

    @Test("New targets are tried one at a time, and never take the share of those that were quick")
    func unknown() {
        var shares = SenderShares(parallelism: 16)
        var underWay = 0
        for number in 0..<40 {
            for _ in 0..<max(0, min(4, shares.room(for: Self.hook(number), at: Self.start))) {
                shares.begin(Self.hook(number), at: Self.start)
                underWay += 1
            }
        }
        #expect(underWay == 12)
        shares.end(Self.hook(0), began: Self.start, at: Self.start + .milliseconds(30))
        #expect(shares.room(for: Self.hook(0), at: Self.start + .milliseconds(30)) >= 4)
    }

    @Test(
        "A quick target that does not answer any more is slow before its attempt ends, and quick again after good ones")
    func change() {
        var shares = SenderShares(parallelism: 4)
        let (hook, other) = (Self.hook(1), Self.hook(2))
        Self.measure(&shares, hook, milliseconds: 10, at: Self.start)
        Self.measure(&shares, other, milliseconds: 5_000, at: Self.start)
        for _ in 0..<2 { shares.begin(hook, at: Self.start) }
        #expect(shares.room(for: other, at: Self.start) == 2)
        let late = Self.start + .seconds(1)
        #expect(shares.room(for: other, at: late) == 0 && shares.room(for: hook, at: late) == 0)
        for _ in 0..<2 { shares.end(hook, began: Self.start, at: late + .seconds(4)) }
        #expect(shares.room(for: hook, at: late + .seconds(4)) == 2)
        for _ in 0..<10 { Self.measure(&shares, hook, milliseconds: 10, at: late + .seconds(60)) }
        #expect(shares.room(for: hook, at: late + .seconds(60)) >= 4)
    }

    @Test("With one transfer at a time everybody still has a turn", arguments: [1, 2, 3])
    func few(parallelism: Int) {
        var shares = SenderShares(parallelism: parallelism)
        #expect(shares.room(for: Self.hook(1), at: Self.start) == 1)
        Self.measure(&shares, Self.hook(1), milliseconds: 9_000, at: Self.start)
        #expect(shares.room(for: Self.hook(1), at: Self.start) >= 1)
    }
}
