import TestSupport
import Testing

@Suite("Child processes of tests", .blocking)
struct ChildProcessTests {
    private func shell(_ script: String) throws -> ChildProcess {
        try ChildProcess("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin", "GREETING": "hello"])
    }

    @Test("Output, errors and the exit code are collected")
    func outcome() throws {
        let outcome = try shell("echo \"$GREETING\"; echo oops >&2; exit 7").wait()
        #expect(outcome.status == .exited(7))
        #expect(outcome.outputText == "hello\n")
        #expect(outcome.errorText == "oops\n")
    }

    @Test("More output than a pipe holds does not block")
    func largeOutput() throws {
        let outcome = try shell("head -c 3000000 /dev/zero; head -c 1000000 /dev/zero >&2").wait()
        #expect(outcome.output.count == 3_000_000)
        #expect(outcome.error.count == 1_000_000)
    }

    @Test("Only the given environment is seen, and no descriptor but the standard ones")
    func inheritance() throws {
        let outcome = try shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; ls /proc/self/fd | wc -l").wait()
        // The fourth descriptor is that of ls itself, reading the directory.
        #expect(outcome.outputText == "GREETING=hello\nPATH=/usr/bin:/bin\n4\n")
    }

    @Test("A line is waited for, and a killed process says what killed it")
    func signals() throws {
        let process = try shell("echo one >&2; echo ready >&2; exec sleep 100")
        let line = process.waitForLine(seconds: 10) { lines in lines.first { $0 == "ready" } }
        #expect(line == "ready")
        #expect(process.isRunning)
        process.send(9)
        #expect(try process.wait().status == .signalled(9))
        #expect(!process.isRunning)
        #expect(process.waitForLine(seconds: 10) { lines in lines.first { $0 == "never" } } == nil)
    }

    @Test("A process that does not end in time is killed")
    func timeLimit() throws {
        let process = try shell("exec sleep 100")
        #expect(throws: SupportError.self) { try process.wait(seconds: 0.2) }
        #expect(try process.wait().status == .signalled(9))
    }

    @Test("A program that does not exist is an error")
    func noProgram() throws {
        #expect(throws: SupportError.self) { try ChildProcess("/nonexistent/program") }
    }
}
