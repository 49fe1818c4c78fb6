import Classifier
import Domain
import Foundation
import JSON
import Models
import TestSupport
import Testing

@Suite("Loading a model")
struct ModelTests {
    private func manifestText(_ change: (inout JSONObject) -> Void) throws -> [UInt8] {
        var manifest = try #require(
            try JSONParser.parse(try Repository.bytes("models/open-nsfw.json")).objectValue)
        change(&manifest)
        return Array(JSONValue.object(manifest).encoded.utf8)
    }

    private func manifest(_ change: (inout JSONObject) -> Void = { _ in }) throws -> ModelManifest {
        try ModelManifest(path: RealModel.manifestPath, text: try manifestText(change))
    }

    private func change(_ section: String, _ key: String, to value: JSONValue?) -> (inout JSONObject) -> Void {
        { manifest in
            var object = manifest[section]?.objectValue ?? [:]
            object[key] = value
            manifest[section] = .object(object)
        }
    }

    @Test("The committed manifest says what receipts show")
    func identity() throws {
        let manifest = try RealModel.manifest()
        #expect(manifest.identity.name == "open_nsfw")
        #expect(manifest.identity.preprocessing == "open_nsfw-1")
        #expect(manifest.threshold == 0.8)
        #expect(manifest.modelPath == Repository.path("models/open-nsfw.onnx"))
        #expect(try manifest.readModel().count == 23_590_724)
    }

    @Test("The model passes its self-test")
    func selfTest() throws {
        let score = try RealModel.withClassifier { try $0.selfTest() }
        #expect(abs(score - 0.43446) < 0.001)
    }

    @Test("A model that scores otherwise than its manifest says fails the self-test")
    func selfTestFails() throws {
        let other = try manifest(change("self_test", "score", to: .number(0.44)))
        let classifier = try ImageClassifier(manifest: other, runtimeLibraryPath: RealModel.runtimePath)
        let error = #expect(throws: ClassifierError.self) { try classifier.selfTest() }
        guard case .selfTestFailed(let expected, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(expected == 0.44)
        // Another channel order is another preprocessing, and the self-test notices.
        let swapped = try manifest(change("input", "channel_order", to: "RGB"))
        let misled = try ImageClassifier(manifest: swapped, runtimeLibraryPath: RealModel.runtimePath)
        #expect(throws: ClassifierError.self) { try misled.selfTest() }
    }

    @Test("A runtime that is not there is an error that says how to get it")
    func missingRuntime() throws {
        let error = #expect(throws: ClassifierError.self) {
            try ImageClassifier(manifest: try manifest(), runtimeLibraryPath: "/nowhere/libonnxruntime.so")
        }
        #expect(error?.description.contains("/nowhere/libonnxruntime.so") == true)
        #expect(error?.description.contains("make setup") == true)
    }

    @Test("A library that is not ONNX Runtime is refused")
    func wrongRuntime() throws {
        let error = #expect(throws: ClassifierError.self) {
            try ImageClassifier(manifest: try manifest(), runtimeLibraryPath: "libm.so.6")
        }
        #expect(error == .runtimeUnavailable("libm.so.6 has no function OrtGetApiBase"))
    }

    @Test("A manifest whose model is not there, or another one, is refused")
    func missingModel() throws {
        let absent = try manifest { $0["file"] = "absent.onnx" }
        #expect(throws: ModelError.self) { try absent.readModel() }
        #expect(throws: ClassifierError.self) {
            try ImageClassifier(manifest: absent, runtimeLibraryPath: RealModel.runtimePath)
        }
        let changed = try manifest { $0["sha256"] = .string(String(repeating: "0", count: 64)) }
        let error = #expect(throws: ModelError.self) { try changed.readModel() }
        guard case .wrongHash = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("A manifest that contradicts its model is refused when the model is loaded")
    func contradiction() throws {
        for (section, key, value) in [
            ("input", "name", "image" as JSONValue), ("output", "name", "scores"), ("output", "count", 3),
            ("input", "shape", [1, 192, 192, 3]),
        ] {
            let wrong = try manifest(change(section, key, to: value))
            let error = #expect(throws: ClassifierError.self, "\(section).\(key)") {
                try ImageClassifier(manifest: wrong, runtimeLibraryPath: RealModel.runtimePath)
            }
            guard case .modelUnusable = error else {
                Issue.record("\(section).\(key): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("A mistake in a manifest is named by its key, with what was expected")
    func mistakes() throws {
        let mistakes: [(String, (inout JSONObject) -> Void)] = [
            ("name", { $0["name"] = nil }), ("file", { $0["file"] = "../elsewhere.onnx" }),
            ("sha256", { $0["sha256"] = "ABC" }), ("threshold", { $0["threshold"] = 2 }),
            ("colour", { $0["colour"] = true }), ("input", { $0["input"] = 5 }),
            ("input.layout", change("input", "layout", to: "NWHC")),
            ("input.shape", change("input", "shape", to: [2, 224, 224, 3])),
            ("input.shape", change("input", "shape", to: [1, 224, 224, 4])),
            ("input.shape", change("input", "shape", to: [1, 224, 1_000_000_000, 3])),
            ("input.mean", change("input", "mean", to: [1, 2])),
            ("input.extra", change("input", "extra", to: 1)),
            ("preprocessing.width", change("preprocessing", "width", to: 100)),
            ("preprocessing.filter", change("preprocessing", "filter", to: "nearest")),
            ("preprocessing.jpeg_quality", change("preprocessing", "jpeg_quality", to: 101)),
            ("output.index", change("output", "index", to: 2)),
            ("self_test.colours", change("self_test", "colours", to: ["000000"])),
            ("self_test.score", change("self_test", "score", to: nil)),
        ]
        for (key, change) in mistakes {
            let error = #expect(throws: ModelError.self, "\(key)") { try manifest(change) }
            guard case .invalid(_, let found, let expected) = error else {
                Issue.record("\(key): \(String(describing: error))")
                continue
            }
            #expect(found == key)
            #expect(!expected.isEmpty)
        }
        #expect(throws: ModelError.self) { try ModelManifest(path: "a.json", text: Array("{".utf8)) }
        #expect(throws: ModelError.self) { try ModelManifest(contentsOf: "/nowhere/a.json") }
    }
}
