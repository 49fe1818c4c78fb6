import Domain
import Foundation
import ImageDecoding
import Models
import TestSupport
import Testing

@testable import Classifier

/// The cheap pass that may clear a file. It must never decide otherwise than the exact pass would.
@Suite("The screen")
struct ScreenTests {
    private static let screened = ScanMode.screened(margin: 0.25)

    @Test("A fixture's decision is the same with the screen and without", arguments: ExpectedScores.all?.scored ?? [])
    func decisionsAreEqual(_ expected: ExpectedScores.Scored) throws {
        let bytes = try Repository.fixture(expected.file)
        let found = try RealModel.withScreened { try $0.classify(bytes, mode: Self.screened) }
        #expect((found.score >= 0.8) == (expected.score >= 0.8), "\(found)")
        #expect(found.framesTotal == expected.frames && found.framesScanned == expected.framesScanned)
        switch found.pass {
        case .screen: #expect(found.score < 0.25)
        case .exact where expected.frames == 1:
            #expect(abs(found.score - expected.score) <= expected.tolerance, "an exact score is the exact score")
        case .exact: break
        }
        if expected.score >= 0.8 { #expect(found.pass == .exact, "only the exact pass says NSFW") }
    }

    @Test(
        "A fixture that is refused is refused with the screen, for the same reason",
        arguments: ExpectedScores.all?.refused ?? [])
    func refusalsAreEqual(_ expected: ExpectedScores.Refused) throws {
        let bytes = try Repository.fixture(expected.file)
        try RealModel.withScreened { classifier in
            let exact = #expect(throws: ScanError.self) { try classifier.classify(bytes) }
            let screened = #expect(throws: ScanError.self) { try classifier.classify(bytes, mode: Self.screened) }
            #expect(exact == screened)
        }
    }

    @Test("A picture that the screen does not clear is scored twice, but decoded once")
    func scoredTwice() throws {
        let pattern = try Repository.fixture("nsfw-pattern.png")
        let clean = try Repository.fixture("scene.png")
        func inferences(_ bytes: [UInt8], _ mode: ScanMode) throws -> Int {
            try RealModel.withScreened {
                unsafe try $0.scorer(bytes.span.bytes, type: .png, limits: DecodeLimits(), threshold: 0.8, mode: mode)
                    .inferences
            }
        }
        #expect(try inferences(pattern, Self.screened) == 2)
        #expect(try inferences(clean, Self.screened) == 1)
        #expect(try inferences(clean, .screened(margin: 0)) == 2, "nothing is below a margin of 0")
    }

    @Test("Without a screen every mode is exact")
    func withoutScreen() throws {
        let bytes = try Repository.fixture("scene.jpg")
        try RealModel.withClassifier { classifier in
            #expect(classifier.screenStatus == .off)
            let exact = try classifier.classify(bytes)
            #expect(try classifier.classify(bytes, mode: Self.screened) == exact)
        }
    }

    @Test("A screen that is missing, of another hash, of another model or that fails its self-test is not used")
    func unusableScreens() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "screen-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for name in ["open-nsfw.json", "open-nsfw.onnx", "open-nsfw-int8.onnx"] {
            try FileManager.default.createSymbolicLink(
                at: directory.appending(path: name), withDestinationURL: Repository.url("models/\(name)"))
        }
        let manifest = try ModelManifest(contentsOf: directory.appending(path: "open-nsfw.json").path)
        let given = try Repository.text("models/open-nsfw-int8.json")
        func problem(_ text: String?) throws -> String {
            let file = directory.appending(path: "open-nsfw-int8.json")
            try? FileManager.default.removeItem(at: file)
            try text?.write(to: file, atomically: false, encoding: .utf8)
            let classifier = try ImageClassifier(
                manifest: manifest, runtimeLibraryPath: RealModel.runtimePath, usesScreen: true)
            let found = try classifier.classify(try Repository.fixture("scene.png"), mode: Self.screened)
            guard case .unusable(let text) = classifier.screenStatus else { return "\(classifier.screenStatus)" }
            #expect(found.pass == .exact)
            return text
        }
        #expect(try problem(given).hasPrefix("ready"))
        #expect(try problem(nil).contains("cannot be read"))
        let other = String(repeating: "0", count: 64)
        let otherHash = given.replacing(try hash("sha256", given), with: other)
        let otherModel = given.replacing(try hash("exact_sha256", given), with: other)
        #expect(try problem(otherHash).contains("SHA-256"))
        #expect(try problem(otherModel).contains("exact_sha256"))
        let score = try #require(given.firstMatch(of: /"score": ([0-9.]+)/)).1
        #expect(try problem(given.replacing("\"score\": \(score)", with: "\"score\": 0.1")).contains("self-test"))
        #expect(try problem(given + "x").contains("open-nsfw-int8.json"))
    }

    private func hash(_ key: String, _ text: String) throws -> String {
        let pattern = try Regex("\"\(key)\": \"([0-9a-f]{64})\"", as: (Substring, Substring).self)
        return String(try #require(text.firstMatch(of: pattern)).1)
    }
}
