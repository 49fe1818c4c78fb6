/// SHA-256 by coreutils, so that the service's own is checked against another implementation.
package enum Digest {
    package static func sha256(_ bytes: [UInt8]) throws -> String {
        let directory = try TemporaryDirectory()
        let outcome = try ChildProcess.run("/usr/bin/sha256sum", [directory.write(bytes, to: "content")])
        guard outcome.status == .exited(0), outcome.outputText.count > 64 else {
            throw SupportError("sha256sum failed: \(outcome.errorText)")
        }
        return String(outcome.outputText.prefix(64))
    }
}
