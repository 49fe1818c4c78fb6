import Glibc

/// Threads outside Swift's own pools, for work that blocks.
package enum Thread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread.
    package static func start(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        // Ownership passes to the thread, which releases it when it begins.
        let argument = unsafe Unmanaged.passRetained(Body(run: run)).toOpaque()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                body.run()
                return nil
            }, argument)
        precondition(status == 0, "a thread could not be created: error \(status)")
        pthread_detach(thread)
    }
}
