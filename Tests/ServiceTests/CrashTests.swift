import TestSupport
import Testing

@Suite("Crashes in the middle of a storm", .blocking)
struct CrashTests {
    // The long version is `make crash`; it prints the seed, with which it makes the same choices again.
    @Test("Five kills lose nothing acknowledged, charge nothing twice and leave nothing behind")
    func crashes() throws {
        let run = try ChildProcess.run(
            "/usr/bin/env",
            [
                "python3", Repository.path("scripts/crash-test"), "--rounds", "5", "--program",
                Service.executable.get(),
            ], seconds: 240)
        #expect(run.status == .exited(0), "\(run.outputText)\(run.errorText.suffix(4_000))")
        #expect(run.outputText.contains("passed: "))
    }
}
