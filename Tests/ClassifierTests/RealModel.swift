import Classifier
import Domain
import Foundation
import ImageDecoding
import Models
import TestSupport

/// The real model in the real runtime, as `make setup` puts them.
enum RealModel {
    static let runtimePath = Repository.path("models/runtime/libonnxruntime.so")
    static let manifestPath = Repository.path("models/open-nsfw.json")

    static func manifest() throws -> ModelManifest { try ModelManifest(contentsOf: manifestPath) }

    static func classifier() throws -> ImageClassifier {
        for path in [runtimePath, try manifest().modelPath] where !FileManager.default.fileExists(atPath: path) {
            throw SupportError("\(path) is missing; run `make setup`")
        }
        return try ImageClassifier(manifest: try manifest(), runtimeLibraryPath: runtimePath)
    }

    /// With the screen model, which `make setup` makes: a test that needs it fails without.
    static func screened() throws -> ImageClassifier {
        let classifier = try ImageClassifier(
            manifest: try manifest(), runtimeLibraryPath: runtimePath, usesScreen: true)
        guard case .ready = classifier.screenStatus else {
            throw SupportError("the screen model is \(classifier.screenStatus); run `make setup`")
        }
        return classifier
    }

    static func withScreened<Result>(_ body: (ImageClassifier) throws -> Result) throws -> Result {
        try shared("screened", screened, body)
    }

    /// Gives each test thread its own classifier, since one must not be used by two at once, and loads it once.
    static func withClassifier<Result>(_ body: (ImageClassifier) throws -> Result) throws -> Result {
        try shared("classifier", classifier, body)
    }

    private static func shared<Result>(
        _ key: String, _ make: () throws -> ImageClassifier, _ body: (ImageClassifier) throws -> Result
    ) throws -> Result {
        if let classifier = Thread.current.threadDictionary[key] as? ImageClassifier { return try body(classifier) }
        let classifier = try make()
        Thread.current.threadDictionary[key] = classifier
        return try body(classifier)
    }
}

extension ImageClassifier {
    func classify(
        _ bytes: [UInt8], type: MediaType? = nil, limits: DecodeLimits = DecodeLimits(), threshold: Double = 0.8,
        mode: ScanMode = .exact
    ) throws(ScanError) -> ScanScore {
        let type = type ?? MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        return unsafe try classify(bytes.span.bytes, type: type, limits: limits, threshold: threshold, mode: mode)
    }
}
