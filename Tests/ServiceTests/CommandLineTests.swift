import Foundation
import TestSupport
import Testing

@Suite("Command line", .blocking)
struct CommandLineTests {
    private let directory: TemporaryDirectory
    private let environment: [String: String]

    init() throws {
        directory = try TemporaryDirectory()
        environment = Service.environment(dataDirectory: directory.path("data"))
    }

    private func run(_ arguments: String...) throws -> ChildProcess.Outcome {
        try ChildProcess.run(Service.executable.get(), arguments, environment: environment)
    }

    private func fixture(_ name: String) -> String { Repository.path("fixtures/\(name)") }

    @Test("classify scores files, one JSON line each, and exits with 0 when all are clean")
    func classifyClean() throws {
        let files = [fixture(Sample.safeJPEG), fixture(Sample.safePNG)]
        let outcome = try run("classify", files[0], files[1])
        #expect(outcome.status == .exited(0), "\(outcome.errorText)")
        let lines = try outcome.outputText.split(separator: "\n").map { try JSON(parsing: $0) }
        #expect(lines.map { $0["file"].string } == files)
        for line in lines {
            #expect(line["reason"] == "clean")
            #expect((line["score"].double ?? 1) < 0.8)
            #expect(line["frames_total"] == 1)
            #expect(line["frames_scanned"] == 1)
            #expect((line["elapsed_ms"].double ?? 0) > 0)
        }
    }

    @Test("model --drift measures the screen on a directory, and names what cannot be scored")
    func drift() throws {
        let folder = directory.path("pictures/deeper")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in [Sample.safeJPEG, Sample.safePNG, Sample.nsfwPNG] {
            try directory.write(Repository.fixture(name), to: "pictures/deeper/\(name)")
        }
        try directory.write(Array("words".utf8), to: "pictures/notes.txt")
        let outcome = try run("model", "--drift", directory.path("pictures"))
        #expect(outcome.status == .exited(0), "\(outcome.errorText)")
        let report = try JSON(parsing: outcome.outputText)
        #expect(report["images"] == 3 && report["not_images"] == 1 && report["failures"] == 0)
        #expect(report["margin"].double.map { abs($0 - 0.1) < 1e-9 } == true && report["threshold"] == 0.8)
        #expect(report["below_margin"] == 2 && report["decisions_that_differ"] == 0)
        let (median, most) = try (#require(report["drift_p50"].double), #require(report["drift_max"].double))
        #expect(0 < median && median <= most && most < 0.3)

        try directory.write(Repository.fixture(Sample.truncatedJPEG), to: "pictures/broken.jpg")
        let broken = try run("model", "--drift", directory.path("pictures"))
        #expect(broken.status == .exited(2))
        #expect(broken.errorText.contains("broken.jpg: "))
        #expect(try JSON(parsing: broken.outputText)["failures"] == 1)
    }

    @Test("With the screen switched off, and with one that is missing, scores are exact")
    func withoutScreen() throws {
        let on = try run("model")
        #expect(try JSON(parsing: on.outputText)["screen"] == "ready")
        #expect(try JSON(parsing: on.outputText)["screen_sha256"].string?.count == 64)
        var off = environment
        off["PORTCULLIS_SCREEN"] = "off"
        let outcome = try ChildProcess.run(
            Service.executable.get(), ["classify", fixture(Sample.safeJPEG)], environment: off)
        #expect(try JSON(parsing: outcome.outputText)["pass"] == "exact")
        #expect(try JSON(parsing: run("classify", fixture(Sample.safeJPEG)).outputText)["pass"] == "screen")
        #expect(try JSON(parsing: run("classify", fixture(Sample.nsfwPNG)).outputText)["pass"] == "exact")

        try directory.write(Repository.bytes("models/open-nsfw.json"), to: "open-nsfw.json")
        try FileManager.default.createSymbolicLink(
            atPath: directory.path("open-nsfw.onnx"), withDestinationPath: Repository.path("models/open-nsfw.onnx"))
        var missing = environment
        missing["PORTCULLIS_MODEL"] = directory.path("open-nsfw.json")
        let model = try ChildProcess.run(Service.executable.get(), ["model"], environment: missing)
        #expect(model.status == .exited(0), "\(model.errorText)")
        #expect(try JSON(parsing: model.outputText)["screen"] == "unusable")
        #expect(try JSON(parsing: model.outputText)["screen_error"].string?.contains("open-nsfw-int8.json") == true)
    }

    @Test("classify exits with 1 when something is NSFW")
    func classifyNSFW() throws {
        let outcome = try run("classify", fixture(Sample.safeJPEG), fixture(Sample.nsfwPNG))
        #expect(outcome.status == .exited(1), "\(outcome.errorText)")
        let lines = try outcome.outputText.split(separator: "\n").map { try JSON(parsing: $0) }
        #expect(lines.map { $0["reason"] } == ["clean", "nsfw"])
        #expect((lines.last?["score"].double ?? 0) > 0.99)
    }

    @Test("classify exits with 2 when something cannot be scanned or read, and still answers for the rest")
    func classifyFailure() throws {
        for broken in [fixture(Sample.truncatedJPEG), directory.path("absent.jpg")] {
            let outcome = try run("classify", broken, fixture(Sample.safeJPEG))
            #expect(outcome.status == .exited(2), "\(broken): \(outcome.errorText)")
            let lines = try outcome.outputText.split(separator: "\n").map { try JSON(parsing: $0) }
            #expect(lines.contains { $0["file"] == .string(fixture(Sample.safeJPEG)) && $0["reason"] == "clean" })
        }
    }

    @Test("model says which runtime and model are in use, with a self-test")
    func model() throws {
        let outcome = try run("model")
        #expect(outcome.status == .exited(0), "\(outcome.errorText)")
        let manifest = try JSON(parsing: Repository.bytes("models/open-nsfw.json"))
        let sha = try #require(manifest["sha256"].string)
        #expect(outcome.outputText.contains(sha))
        #expect(outcome.outputText.contains("1.28"))
    }

    @Test("The first organization and key are made without HTTP, and serve then knows them")
    func bootstrap() throws {
        let created = try run("org", "create", "--name", "First", "--tier", "pro", "--json")
        #expect(created.status == .exited(0), "\(created.errorText)")
        let organization = try JSON(parsing: created.output)
        let id = try #require(organization["organization_id"].string)

        let made = try run("key", "create", "--organization", id, "--name", "first", "--json")
        #expect(made.status == .exited(0), "\(made.errorText)")
        let secret = try #require(try JSON(parsing: made.output)["key"].string)
        #expect(secret.hasPrefix("sk_"))

        let listed = try run("org", "list")
        #expect(listed.status == .exited(0))
        #expect(listed.outputText.contains(id))
        let shown = try run("org", "show", id)
        #expect(shown.status == .exited(0), "\(shown.errorText)")
        #expect(shown.outputText.contains("First"))

        let service = try Service(in: directory)
        let answer = try service.send(HTTPRequest("GET", "/v1/organizations"), key: secret)
        #expect(answer.status == 200)
        #expect(try answer.json["organization_name"] == "First")
        #expect(try answer.json["account_type"] == "pro")
        try service.stop()
    }

    @Test("A key made with fewer permissions has only those")
    func keyPermissions() throws {
        let created = try run("org", "create", "--name", "Readers", "--tier", "free", "--json")
        let id = try #require(try JSON(parsing: created.output)["organization_id"].string)
        let made = try run("key", "create", "--organization", id, "--permissions", "read", "--json")
        let secret = try #require(try JSON(parsing: made.output)["key"].string)
        let service = try Service(in: directory)
        #expect(try service.send(HTTPRequest("GET", "/v1/organizations"), key: secret).status == 200)
        let patch = HTTPRequest("PATCH", "/v1/organizations", json: ["organization_name": "No"])
        #expect(try service.send(patch, key: secret).summary == "403 forbidden")
        try service.stop()
    }

    @Test(
        "A wrong command line says what is wrong and what was expected",
        arguments: [
            (["unheard-of"], "unheard-of"), (["org"], "create"), (["org", "create"], "--name"),
            (["org", "create", "--name", "A", "--tier", "gold"], "gold"),
            (["org", "create", "--name", "A", "--colour", "red"], "--colour"),
            (["key", "create", "--organization", "org_00000000000"], "org_00000000000"),
            (["key", "create", "--organization"], "--organization"), (["classify"], "FILE"),
            (["serve", "--port", "80"], "--port"),
        ])
    func wrongUsage(arguments: [String], word: String) throws {
        let outcome = try ChildProcess.run(Service.executable.get(), arguments, environment: environment)
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains(word), "\(outcome.errorText)")
        #expect(outcome.output.isEmpty)
    }

    @Test("Without a command, and with --help, the commands are listed")
    func usage() throws {
        let help = try run("--help")
        #expect(help.status == .exited(0))
        for command in ["serve", "classify", "org", "key", "model"] {
            #expect(help.outputText.contains(command))
        }
        #expect(try run().status != .exited(0))
    }
}
