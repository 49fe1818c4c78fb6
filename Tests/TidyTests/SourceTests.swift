import Foundation
import TestSupport
import Testing

@Suite("Source text")
struct SourceTests {
    private static let longestFile = 500
    private static let longestFunction = 70

    private let files: [String]
    private let swift: [SourceFile]

    init() throws {
        files = try Repository.files()
        swift = try SourceFile.all.get()
    }

    @Test("No source file is longer than 500 lines")
    func filesAreShort() throws {
        let suffixes = [".swift", ".c", ".h", ".py", ".modulemap"]
        for path in files where suffixes.contains(where: path.hasSuffix) || path.hasPrefix("scripts/") {
            guard let text = try? Repository.text(path) else { continue }
            let lines = text.utf8.count { $0 == UInt8(ascii: "\n") }
            #expect(lines <= Self.longestFile, "\(path) has \(lines) lines")
        }
    }

    @Test("No function is longer than 70 lines")
    func functionsAreShort() {
        var count = 0
        for source in swift {
            for function in source.functions {
                count += 1
                #expect(
                    function.lines <= Self.longestFunction, "\(source.path):\(function.line): \(function.lines) lines")
            }
        }
        #expect(count > 100, "only \(count) functions were found")
    }

    /// A pattern that must not occur in code, and why.
    struct Ban: Sendable, CustomTestStringConvertible {
        let name: String
        let pattern: @Sendable () -> Regex<Substring>
        var exceptions: [String] = []
        var testDescription: String { name }
    }

    static let bans: [Ban] = [
        Ban(name: "Foundation", pattern: { /\bimport\s+Foundation\w*/ }),
        Ban(
            name: "print", pattern: { /(?:^|[^.\w])(?:print|debugPrint|dump)\(/ },
            exceptions: ["Sources/Server/"]),
        // Without memory or randomness, libcrypto leaves nothing to go on with.
        Ban(name: "fatalError", pattern: { /\bfatalError\(/ }, exceptions: ["Sources/Crypto/"]),
        Ban(name: "try!", pattern: { /\btry!/ }),
        Ban(name: "as!", pattern: { /\bas!/ }),
        Ban(name: "Dispatch", pattern: { /\bDispatch\w+|\bimport\s+Dispatch/ }),
        // A server that stops has nobody left to wake it, nor has who waits for another process's lock: they look again.
        Ban(
            name: "sleep", pattern: { /(?:^|[^.\w])(?:u|nano)?sleep\(/ },
            exceptions: ["Sources/BlobStore/DataDirectory.swift", "Sources/HTTP/ServerCore.swift"]),
        Ban(name: "detached tasks", pattern: { /\bTask\.detached\b/ }),
    ]

    @Test("Sources do not use what is banned", arguments: bans)
    func bannedCalls(_ ban: Ban) {
        let pattern = ban.pattern()
        for source in swift where source.path.hasPrefix("Sources/") {
            guard !ban.exceptions.contains(where: source.path.hasPrefix) else { continue }
            for (index, line) in source.lines.enumerated() where line.firstMatch(of: pattern) != nil {
                Issue.record("\(source.path):\(index + 1) uses \(ban.name): \(line)")
            }
        }
    }

    @Test("Nothing in the tree is left to be done")
    func noReminders() throws {
        // Put together here, since this file is part of the tree as well.
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:"]
        for (path, text) in try texts() {
            for word in words where text.contains(word) { Issue.record("\(path) contains \(word)") }
        }
    }

    @Test("The package depends on no other package")
    func noPackageDependencies() throws {
        let package = SourceFile(path: "Package.swift", text: try Repository.text("Package.swift"))
        #expect(!package.lines.contains { $0.contains(".package(") })
    }

    @Test("No tracked file names a package registry's host or a path of one machine")
    func namesNoMachine() throws {
        let hosts = ["pypi." + "org", "pythonhosted." + "org", "npmjs." + "org", "deb.debian." + "org", "ghcr." + "io"]
        let paths = ["/ro" + "ot/", "/ho" + "me/", "/wo" + "rk/", "/tmp/" + "wt", "/tmp/" + "dl", "/Us" + "ers/"]
        for (path, text) in try texts() {
            for word in hosts + paths where text.contains(word) { Issue.record("\(path) contains \(word)") }
        }
    }

    @Test("Sources are formatted and scripts parse")
    func lintIsClean() throws {
        let outcome = try ChildProcess.run(Repository.url("scripts/lint").path, seconds: 300)
        #expect(outcome.status == .exited(0), "\(outcome.errorText.suffix(4000))")
    }

    private func texts() throws -> [(path: String, text: String)] {
        files.compactMap { path in (try? Repository.text(path)).map { (path, $0) } }
    }
}
