import Foundation
import TestSupport
import Testing

@Suite("Files")
struct FileTests {
    private let files: [String]

    init() throws { files = try Repository.files() }

    @Test("The top level holds what docs/architecture.md says and nothing else")
    func topLevel() {
        let expected: Set = [
            "Package.swift", "Sources", "Tests", "models", "fixtures", "README.md", "Makefile", "scripts", "docs",
            "LICENSE",
            "CHANGELOG.md", ".swift-format", ".ci", ".gitignore",
        ]
        let present = Set(files.compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(present.subtracting(expected).isEmpty)
        #expect(expected.subtracting(present).isEmpty)
    }

    @Test("Every fixture is named by the scores, a test or the script that needs it")
    func fixturesAreUsed() throws {
        let fixtures = files.filter { $0.hasPrefix("fixtures/") && $0 != "fixtures/scores.json" }
        #expect(!fixtures.isEmpty)
        let users = try texts { $0 == "fixtures/scores.json" || $0.hasPrefix("Tests/") || $0.hasPrefix("scripts/") }
        for fixture in fixtures {
            let name = String(fixture.dropFirst("fixtures/".count))
            #expect(users.contains { $0.text.contains(name) }, "nothing uses \(fixture)")
        }
    }

    @Test("Every script is run or explained by something else")
    func scriptsAreUsed() throws {
        let scripts = files.filter { $0.hasPrefix("scripts/") }
        #expect(!scripts.isEmpty)
        for script in scripts {
            let name = String(script.dropFirst("scripts/".count))
            let users = try texts {
                $0 == "Makefile" || $0 == "README.md" || $0.hasPrefix("docs/") || $0.hasPrefix(".ci/")
                    || ($0.hasPrefix("scripts/") && $0 != script)
            }
            #expect(users.contains { $0.text.contains(name) }, "nothing mentions \(script)")
        }
    }

    @Test("Every script says what runs it and may be executed")
    func scriptsAreExecutable() throws {
        let manager = FileManager.default
        for script in files where script.hasPrefix("scripts/") || script == ".ci/run" {
            guard let text = try? Repository.text(script) else { continue }
            #expect(text.hasPrefix("#!"), "\(script) has no interpreter line")
            #expect(manager.isExecutableFile(atPath: Repository.url(script).path), "\(script) may not be executed")
        }
    }

    @Test("Every test target of the package has tests")
    func testTargetsHaveTests() throws {
        let package = try Repository.text("Package.swift")
        let targets = package.matches(of: /tests\("(\w+)"/).map { String($0.1) }
        #expect(targets.contains("TidyTests"))
        for target in targets {
            let sources = try texts { $0.hasPrefix("Tests/\(target)/") && $0.hasSuffix(".swift") }
            #expect(sources.contains { $0.text.contains("@Test(\"") }, "\(target) has no test")
        }
    }

    @Test("No file is empty or only a comment")
    func filesHaveContent() throws {
        for source in try SourceFile.all.get() where source.path.hasPrefix("Sources/") {
            let hasCode = source.lines.contains { line in line.contains { !$0.isWhitespace } }
            #expect(hasCode, "\(source.path) has no code")
        }
    }

    private func texts(_ isWanted: (String) -> Bool) throws -> [(path: String, text: String)] {
        files.filter(isWanted).compactMap { path in (try? Repository.text(path)).map { (path, $0) } }
    }
}
