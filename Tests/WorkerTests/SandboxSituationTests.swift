import Foundation
import Glibc
import TestSupport
import Testing

/// The sandbox where its walls stand on different ground: who the service is decides what a worker can give up.
@Suite("Sandbox of services in different situations", .serialized)
struct SandboxSituationTests {
    private struct Findings {
        var walls: Set<String>
        var outcomes: [String]
        var log: String
        func warns(of wall: String) -> Bool {
            log.split(separator: "\n").contains { $0.contains("worker_sandbox_degraded") && $0.contains(wall) }
        }
    }

    private static let attacks = ["open", "socket", "fork", "thread", "write-file", "kill-parent", "make-executable"]

    /// Runs a service's pool behind `launcher`; its workers, in the real sandbox, try to get out.
    private func attack(through launcher: [String] = [], start: String = "confined") throws -> Findings {
        let directory = try TemporaryDirectory()
        // Another user has to find the files.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.url("").path)
        let files = try Self.attacks.map { try directory.write(Array($0.utf8), to: $0) }
        let command =
            launcher + [try Products.path("PoolHost"), "attack", try Products.path("HostileWorker"), start, "none"]
            + files
        let outcome = try ChildProcess.run("/usr/bin/env", command)
        #expect(outcome.status == .exited(0), "\(outcome.errorText)")
        var lines = outcome.outputText.split(separator: "\n").map(String.init)
        let walls = Set(try #require(lines.isEmpty ? nil : lines.removeFirst()).split(separator: " ").map(String.init))
        return Findings(walls: walls, outcomes: lines, log: outcome.errorText)
    }

    /// Every attack ended both workers that it was tried in, by the system call filter.
    private func expectHeld(_ findings: Findings) {
        #expect(findings.outcomes.count == Self.attacks.count)
        let isInstrumented = !findings.walls.contains("memory_limit")
        for (attack, outcome) in zip(Self.attacks, findings.outcomes) {
            // Under AddressSanitizer, whose reports try to open files, this call fails instead.
            if attack == "open", isInstrumented, outcome.contains("result -1") { continue }
            #expect(outcome.contains("broke its decoder, twice"), "\(attack): \(outcome)")
        }
        let killed = findings.log.split(separator: "\n").count { $0.contains("\"ending\":\"signal \(SIGSYS)\"") }
        #expect(killed >= (isInstrumented ? Self.attacks.count - 1 : Self.attacks.count) * 2, "\(findings.log)")
        let always: Set = ["system_call_filter", "resource_limits", "dies_with_parent"]
        #expect(findings.walls.isSuperset(of: always), "\(findings.walls)")
    }

    @Test("Started by whoever runs the tests, no worker gets out")
    func caller() throws {
        let findings = try attack()
        expectHeld(findings)
        #expect(findings.walls.contains("unprivileged"))
    }

    @Test(
        "Started by an ordinary user, no worker gets out",
        .enabled(if: getuid() == 0, "only root can become another user"))
    func ordinaryUser() throws {
        // The one capability lets this user read a build directory that may be root's; workers drop it.
        let findings = try attack(through: [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
        ])
        expectHeld(findings)
        #expect(findings.walls.contains("unprivileged"))
        #expect(!findings.warns(of: "unprivileged"))
    }

    @Test(
        "As root of a user namespace without any other user, no worker gets out, and the log warns that it stays root")
    func userNamespace() throws {
        let findings = try attack(through: ["unshare", "--user", "--map-root-user"])
        expectHeld(findings)
        #expect(!findings.walls.contains("unprivileged"))
        #expect(findings.warns(of: "unprivileged"), "\(findings.log)")
    }

    @Test("On a kernel without Landlock no worker gets out, and the log warns of the missing wall")
    func withoutLandlock() throws {
        let findings = try attack(start: "without-landlock")
        expectHeld(findings)
        #expect(!findings.walls.contains("file_system_denied"))
        #expect(findings.warns(of: "file_system_denied"), "\(findings.log)")
    }
}
