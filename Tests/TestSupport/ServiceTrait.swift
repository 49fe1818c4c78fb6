import Execution
import Synchronization
package import Testing

/// Gives a suite a running service of its own, `Service.current`, and threads on which its tests may block. Only a few
/// such suites run at once, so that the machine is not loaded beyond what the tests' time limits allow.
package struct ServiceTrait: SuiteTrait, TestScoping {
    let settings: [String: String]
    let startsService: Bool

    private static let threads = BlockingExecutor(threads: 8)
    private static let permits = Permits(3)

    package func scopeProvider(for test: Test, testCase: Test.Case?) -> ServiceTrait? {
        // Around the whole suite, not around each of its tests.
        test.isSuite && testCase == nil ? self : nil
    }

    @concurrent
    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        await Self.permits.take()
        defer { Self.permits.give() }
        try await withTaskExecutorPreference(Self.threads) {
            guard startsService else { return try await function() }
            let service = try Service(settings: settings)
            try await Service.$shared.withValue(service) { try await function() }
            // A suite whose service died of a request must not pass.
            if service.isRunning {
                let outcome = try service.stop()
                if outcome.status != .exited(0) {
                    Issue.record("the service ended with \(outcome.status): \(outcome.errorText.suffix(2000))")
                }
            } else {
                Issue.record("the service died during the suite: \(service.log.suffix(2000))")
            }
        }
    }
}

extension Trait where Self == ServiceTrait {
    /// A service that all tests of the suite share.
    package static func service(_ settings: [String: String] = [:]) -> Self {
        ServiceTrait(settings: settings, startsService: true)
    }

    /// No shared service: tests start what they need, and may block.
    package static var blocking: Self { ServiceTrait(settings: [:], startsService: false) }
}

extension Service {
    @TaskLocal static var shared: Service?

    /// The suite's service.
    package static var current: Service {
        get throws {
            guard let shared else { throw SupportError("the suite lacks the .service trait") }
            return shared
        }
    }

    /// A fresh organization on the suite's service.
    package static func tenant(
        tier: String = "pro", rateLimits: JSON? = nil, _ members: [String: JSON] = [:]
    ) throws -> Tenant {
        try current.makeTenant(tier: tier, rateLimits: rateLimits, members)
    }
}

/// An asynchronous counting semaphore.
private final class Permits: Sendable {
    private struct State {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiters.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiters.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.resume()
    }
}
