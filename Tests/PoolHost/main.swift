import Domain
import Glibc
import SystemCalls
import Telemetry
import WorkerPool
import WorkerProtocol

// A process that has nothing but a pool, so that what it leaves behind (descriptors, zombies, orphans) can be counted.
//
//     PoolHost wait WORKER MANIFEST RUNTIME          prints the workers' ids and waits to be killed
//     PoolHost cycle WORKER MANIFEST RUNTIME FILE    starts, scans, kills, shuts down, and prints what is left
//     PoolHost attack WORKER START none FILE…        prints the sandbox's walls, and for each file what became of it
//
// Its standard error is the pool's log.

let arguments = CommandLine.arguments
let configuration = WorkerPoolConfiguration(
    workerExecutable: arguments[2], manifestPath: arguments[3], runtimeLibraryPath: arguments[4], workers: 2)

func makePool() -> ScanPool {
    let pool = ScanPool(configuration: configuration, log: Logger(), metrics: MetricsRegistry())
    pool.start()
    return pool
}

func ready(_ pool: ScanPool) async throws -> [Int32] {
    while pool.status.live < 2 { try await Task.sleep(for: .milliseconds(5)) }
    return pool.status.processes
}

func openDescriptors() -> Int { (0..<1024).count { fcntl(CInt($0), F_GETFD) >= 0 } }

/// Scans `path`, on several tasks at once, while the workers are killed under them.
func scanUnderFire(_ pool: ScanPool, _ path: String) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<8 {
            group.addTask {
                let file = unsafe OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
                let job = ScanJob(
                    descriptor: file.rawValue, mediaType: .png,
                    organization: OrganizationID(rawValue: "org_\(index)"), threshold: 0.8)
                _ = await pool.scan(job)
                _ = consume file
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        for process in pool.status.processes { kill(process, SIGKILL) }
        try await group.waitForAll()
    }
}

switch arguments[1] {
case "wait":
    let pool = makePool()
    StandardOutput.line(try await ready(pool).map { "\($0)" }.joined(separator: " "))
    while true { try await Task.sleep(for: .seconds(60)) }
case "attack":
    let pool = makePool()
    _ = try await ready(pool)
    StandardOutput.line(pool.status.sandbox?.names.joined(separator: " ") ?? "none")
    for path in arguments.dropFirst(5) {
        let file = unsafe OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
        let job = ScanJob(
            descriptor: file.rawValue, mediaType: .png, organization: OrganizationID(rawValue: "org_a"), threshold: 0.8)
        StandardOutput.line("\(await pool.scan(job))")
        _ = consume file
    }
    // Each file ended two workers; the last one's end may not be logged yet.
    let end = ContinuousClock.now + .seconds(20)
    while pool.status.restarts < 2 * (arguments.count - 5), ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(5))
    }
    await pool.shutDown()
default:
    var counts: [Int] = []
    for _ in 0..<3 {
        let pool = makePool()
        _ = try await ready(pool)
        try await scanUnderFire(pool, arguments[5])
        await pool.shutDown()
        counts.append(openDescriptors())
    }
    var status: CInt = 0
    let child = unsafe waitpid(-1, &status, WNOHANG)
    let children = child == -1 && errno == ECHILD ? "none" : "some"
    StandardOutput.line("descriptors \(counts.map { "\($0)" }.joined(separator: " ")) children \(children)")
}

enum StandardOutput {
    static func line(_ text: String) {
        var text = text + "\n"
        _ = text.withUTF8 { bytes in unsafe write(1, bytes.baseAddress, bytes.count) }
    }
}
