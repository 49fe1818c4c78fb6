import Glibc

/// A counting semaphore of the C library.
@safe package final class Semaphore: Sendable {
    // The memory of a sem_t must not move; the semaphore functions synchronise every access to it.
    nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

    package init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe semaphore.initialize(to: sem_t())
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    package func signal() { unsafe sem_post(semaphore) }

    package func wait() {
        // Interrupted by a signal: wait on.
        while unsafe sem_wait(semaphore) != 0 {}
    }
}
