import TestSupport
import Testing

@Suite("Damaged files over HTTP", .blocking)
struct MutationTests {
    // The long version is `make mutations`.
    @Test("Four hundred mutations of the fixtures break nothing, and replace no worker that is not explained")
    func mutations() throws {
        let run = try ChildProcess.run(
            "/usr/bin/env",
            [
                "python3", Repository.path("scripts/mutate-fixtures"), "--count", "400", "--seed", "2", "--program",
                Service.executable.get(),
            ], seconds: 240)
        #expect(run.status == .exited(0), "\(run.outputText)\(run.errorText.suffix(4_000))")
        #expect(run.outputText.contains("400 mutations, seed 2, 0 problems"))
    }
}
