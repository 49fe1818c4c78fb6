import Authentication
import Crypto
import Domain
import Synchronization
import Testing

private final class MovableTime: TimeSource {
    private let moment = Mutex(Timestamp(milliseconds: 1_800_000_000_000))
    func now() -> Timestamp { moment.withLock { $0 } }
    func move(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
}

@Suite("Failed authentications")
struct FailedAttemptsTests {
    private let time = MovableTime()
    private let unknown = SHA256.hash(of: "unknown")

    private func isAdmitted(_ attempts: FailedAttempts, _ credential: ContentHash?, from address: String) -> Bool {
        do {
            try attempts.admit(credential, from: address)
            return true
        } catch {
            return false
        }
    }

    /// How many failures pass before the first refusal.
    private func fail(_ attempts: FailedAttempts, from address: String, atMost most: Int = 1_000) -> Int {
        for count in 0..<most {
            guard isAdmitted(attempts, unknown, from: address) else { return count }
            attempts.noteFailure(of: unknown, from: address)
        }
        return most
    }

    @Test("An address may fail as often as the limit says, and again after its share of a minute")
    func limit() {
        let attempts = FailedAttempts(limit: 6, time: time)
        #expect(fail(attempts, from: "192.0.2.1") == 6)
        #expect(fail(attempts, from: "192.0.2.2") == 6)
        time.move(seconds: 9)
        #expect(!isAdmitted(attempts, unknown, from: "192.0.2.1"))
        time.move(seconds: 1)
        #expect(fail(attempts, from: "192.0.2.1") == 1)
        time.move(seconds: 60)
        #expect(fail(attempts, from: "192.0.2.1") == 6)
    }

    @Test("The refusal says when to come back")
    func refusal() {
        let attempts = FailedAttempts(limit: 6, time: time)
        _ = fail(attempts, from: "192.0.2.1")
        do throws(Failure) {
            try attempts.admit(nil, from: "192.0.2.1")
            Issue.record("admitted")
        } catch {
            #expect(error.code == .tooManyRequests)
            #expect(error.retryAfterSeconds == 10)
            #expect(error.details?["limit"] == 6)
        }
    }

    // Behind a proxy, everybody has the address of whoever attacks.
    @Test("Whoever was good lately is not shut out with the others of the address")
    func goodCredentials() {
        let attempts = FailedAttempts(limit: 3, time: time)
        let good = SHA256.hash(of: "good")
        attempts.noteSuccess(of: good)
        _ = fail(attempts, from: "192.0.2.1")
        #expect(isAdmitted(attempts, good, from: "192.0.2.1"))
        #expect(!isAdmitted(attempts, SHA256.hash(of: "other"), from: "192.0.2.1"))
        // Once it is revoked, it counts like any other.
        attempts.noteFailure(of: good, from: "192.0.2.1")
        #expect(!isAdmitted(attempts, good, from: "192.0.2.1"))
    }

    @Test("The addresses of one IPv6 network count as one")
    func networks() {
        let attempts = FailedAttempts(limit: 4, time: time)
        #expect(fail(attempts, from: "2001:db8:1:2::1", atMost: 2) == 2)
        #expect(fail(attempts, from: "2001:db8:1:2:ffff:1:2:3") == 2)
        #expect(fail(attempts, from: "2001:db8:1:3::1") == 4)
        #expect(fail(attempts, from: "2001:db8::1") == 4)
        #expect(fail(attempts, from: "::ffff:192.0.2.1") == 4)
        #expect(fail(attempts, from: "::ffff:192.0.2.2") == 4)
    }

    @Test("Many addresses do not make one that fails on forgotten, and take bounded memory")
    func manyAddresses() {
        let attempts = FailedAttempts(limit: 4, time: time)
        #expect(fail(attempts, from: "192.0.2.1") == 4)
        for address in 0..<30_000 { attempts.noteFailure(of: nil, from: "address \(address)") }
        #expect(!isAdmitted(attempts, unknown, from: "192.0.2.1"))
        for secret in 0..<20_000 { attempts.noteSuccess(of: SHA256.hash(of: "key \(secret)")) }
        #expect(isAdmitted(attempts, SHA256.hash(of: "key 19999"), from: "192.0.2.1"))
        #expect(!isAdmitted(attempts, SHA256.hash(of: "key 0"), from: "192.0.2.1"))
    }
}
