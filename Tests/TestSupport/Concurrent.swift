import Execution
import Synchronization

package enum Concurrent {
    /// Runs `body` for 0..<count at once, each on a thread of its own, and returns what they returned or threw, in order.
    package static func run<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) -> [Result<Value, any Error>] {
        let done = Semaphore()
        let shared = Shared<Value>()
        for index in 0..<count {
            Execution.Thread.start {
                let result = Result { try body(index) }
                shared.results.withLock { $0[index] = result }
                done.signal()
            }
        }
        for _ in 0..<count { done.wait() }
        return shared.results.withLock { results in (0..<count).compactMap { results[$0] } }
    }

    private final class Shared<Value: Sendable>: Sendable {
        let results = Mutex<[Int: Result<Value, any Error>]>([:])
    }

    /// Work on a thread of its own, whose result is collected later.
    package static func start<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) -> Pending<Value> {
        let pending = Pending<Value>()
        Execution.Thread.start { pending.finish(Result { try body() }) }
        return pending
    }

    package final class Pending<Value: Sendable>: Sendable {
        private let result = Mutex<Result<Value, any Error>?>(nil)
        private let done = Semaphore()

        fileprivate init() {}

        fileprivate func finish(_ value: Result<Value, any Error>) {
            result.withLock { $0 = value }
            done.signal()
        }

        /// Waits for the result. To be called once.
        package func value() throws -> Value {
            done.wait()
            guard let value = result.withLock({ $0 }) else { throw SupportError("no result") }
            return try value.get()
        }
    }

    /// Asks again until the answer is yes or `seconds` have passed; the last answer.
    package static func eventually(seconds: Double = 30, _ condition: () throws -> Bool) rethrows -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            if try condition() { return true }
            guard ContinuousClock.now < deadline else { return false }
            pause(milliseconds: 20)
        }
    }
}
