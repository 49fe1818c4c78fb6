import Foundation
import TestSupport
import Testing

@Suite("Fetching the runtime and the model")
struct FetchTests {
    /// The environment of a machine that reaches no network.
    private var offline: [String: String] {
        ChildProcess.plainEnvironment.merging(
            ["PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere", "PIP_CONFIG_FILE": "/dev/null"]
        ) { _, new in new }
    }

    /// A tree that has only what the script reads.
    private func tree(changing change: (String) -> String = { $0 }) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for name in ["scripts", "models"] {
            try FileManager.default.createDirectory(at: directory.url(name), withIntermediateDirectories: false)
        }
        try FileManager.default.copyItem(
            at: Repository.url("models/open-nsfw.json"), to: directory.url("models/open-nsfw.json"))
        try directory.write(
            Array(change(try Repository.text("scripts/fetch-runtime")).utf8), to: "scripts/fetch-runtime")
        return directory
    }

    private func run(_ directory: TemporaryDirectory) throws -> ChildProcess.Outcome {
        try ChildProcess.run("/bin/sh", [directory.path("scripts/fetch-runtime")], environment: offline)
    }

    @Test("What is there already needs no network and little time")
    func secondRun() throws {
        let start = ContinuousClock.now
        let outcome = try ChildProcess.run(Repository.path("scripts/fetch-runtime"), environment: offline)
        #expect(outcome.status == .exited(0), "\(outcome.errorText); run `make setup` first")
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("Without a network it fails with a reason and leaves nothing half done")
    func offlineRun() throws {
        let directory = try tree()
        let outcome = try run(directory)
        #expect(outcome.status == .exited(1))
        #expect(outcome.errorText.contains("could not be downloaded; check the network"))
        #expect(directory.files(below: "models") == ["models/open-nsfw.json"])
    }

    @Test("A model of another hash than the manifest's is not taken")
    func damagedModel() throws {
        let directory = try tree()
        try directory.write([1, 2, 3], to: "models/open-nsfw.onnx")
        try FileManager.default.createDirectory(at: directory.url("models/runtime"), withIntermediateDirectories: false)
        let runtime = try FileManager.default.destinationOfSymbolicLink(atPath: RealModel.runtimePath)
        try FileManager.default.copyItem(
            at: Repository.url("models/runtime/\(runtime)"), to: directory.url("models/runtime/\(runtime)"))
        let outcome = try run(directory)
        #expect(outcome.outputText.contains("runtime: models/runtime/libonnxruntime.so"))
        // It wants to replace the model, and cannot here.
        #expect(outcome.status == .exited(1))
        #expect(outcome.outputText.contains("fetching the open_nsfw model"))
    }

    @Test("A processor without a pinned runtime is named")
    func otherProcessors() throws {
        let directory = try tree { $0.replacing("uname -m", with: "echo mips") }
        let outcome = try run(directory)
        #expect(outcome.status == .exited(1))
        #expect(outcome.errorText.contains("mips"))
    }
}
