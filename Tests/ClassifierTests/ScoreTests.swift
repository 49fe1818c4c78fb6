import Domain
import ImageDecoding
import Models
import TestSupport
import Testing

@testable import Classifier

@Suite("Scores of the real model")
struct ScoreTests {
    @Test("The scores are there, and of the model that the manifest names")
    func scoresAreThere() throws {
        let expected = try ExpectedScores()
        #expect(expected.scored.count > 70)
        #expect(expected.refused.count > 20)
        #expect(try RealModel.manifest().sha256.rawValue == expected.modelSHA256)
    }

    @Test("A fixture scores as the reference says", arguments: ExpectedScores.all?.scored ?? [])
    func scoresMatch(_ expected: ExpectedScores.Scored) throws {
        let bytes = try Repository.fixture(expected.file)
        let found = try RealModel.withClassifier { try $0.classify(bytes) }
        #expect(
            abs(found.score - expected.score) <= expected.tolerance, "found \(found.score), expected \(expected.score)")
        #expect(found.framesTotal == expected.frames && found.framesScanned == expected.framesScanned)
    }

    @Test("A fixture that cannot be seen whole is refused for its reason", arguments: ExpectedScores.all?.refused ?? [])
    func refused(_ expected: ExpectedScores.Refused) throws {
        let bytes = try Repository.fixture(expected.file)
        let error = #expect(throws: ScanError.self) { try RealModel.withClassifier { try $0.classify(bytes) } }
        switch error {
        case .unscannable(let explanation):
            #expect(expected.reason == "unscannable")
            #expect(!explanation.isEmpty && explanation.utf8.count < 200)
        case .unsupported(let explanation):
            #expect(expected.reason == "unsupported")
            #expect(!explanation.isEmpty && explanation.utf8.count < 200)
        case .classifier, nil:
            Issue.record("\(String(describing: error))")
        }
    }

    @Test("The pattern counts as NSFW however it is stored")
    func patternIsFound() throws {
        let files = try ExpectedScores().scored.filter { $0.file.hasPrefix("nsfw-pattern") }
        #expect(files.count > 70)
        // That the scores are found is the test above.
        for expected in files { #expect(expected.score > 0.98, "\(expected.file)") }
    }

    @Test("A stored orientation is what makes the turned pattern NSFW")
    func orientationMatters() throws {
        for number in 2...8 {
            var bytes = try Repository.fixture("nsfw-pattern-orientation-\(number).jpg")
            // Without its EXIF segment's name, nothing turns the picture.
            let name = try #require(bytes.firstRange(of: Array("Exif".utf8)))
            bytes.replaceSubrange(name, with: "none".utf8)
            #expect(try RealModel.withClassifier { try $0.classify(bytes) }.score < 0.8, "orientation \(number)")
        }
    }

    @Test("A file of another type than its content is corrupt")
    func typeIsByContent() throws {
        let bytes = try Repository.fixture("nsfw-pattern.png")
        #expect(try RealModel.withClassifier { try $0.classify(bytes, type: .png) }.score > 0.99)
        #expect(throws: ScanError.self) { try RealModel.withClassifier { try $0.classify(bytes, type: .jpeg) } }
    }

    @Test("A type without a decoder is unsupported, not unscannable")
    func otherTypes() throws {
        for type in MediaType.allCases where !MediaType.decodable.contains(type) {
            let error = #expect(throws: ScanError.self) {
                try RealModel.withClassifier { try $0.classify(Sample.gif, type: type) }
            }
            guard case .unsupported = error else {
                Issue.record("\(type): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("Without an NSFW frame every frame that is looked at counts, and the highest score is the file's")
    func allFrames() throws {
        let bytes = try Repository.fixture("nsfw-pattern-short-delay.gif")
        let found = try RealModel.withClassifier { try $0.classify(bytes, threshold: 1) }
        #expect(found.framesTotal == 3 && found.framesScanned == 3)
        #expect(found.score > 0.98)
    }

    @Test("Frames that are the same are scored once, however many there are")
    func identicalFrames() throws {
        let one = try Repository.fixture("scene.gif")
        // The image, with its control and palette, over and over: after header and screen, before the trailer.
        let image = one[13..<one.count - 1]
        let bytes = Array(one[..<13]) + (0..<500).flatMap { _ in image } + [0x3b]
        let scorer = try RealModel.withClassifier {
            unsafe try $0.scorer(bytes.span.bytes, type: .gif, limits: DecodeLimits(), threshold: 0.8)
        }
        #expect(scorer.score.framesTotal == 500 && scorer.score.framesScanned == 64)
        #expect(scorer.inferences == 1)
    }

    @Test("Scoring a file twice gives the same score")
    func scoresAreStable() throws {
        let bytes = try Repository.fixture("scene-progressive.jpg")
        let broken = try Repository.fixture("corrupt.jpg")
        try RealModel.withClassifier { classifier in
            let first = try classifier.classify(bytes)
            #expect(throws: ScanError.self) { try classifier.classify(broken) }
            #expect(try classifier.classify(bytes) == first)
        }
    }

    @Test("Limits that the caller sets are kept")
    func limitsAreKept() throws {
        let bytes = try Repository.fixture("scene.jpg")
        var limits = DecodeLimits()
        limits.maximumPixelsStreamed = 640 * 480
        #expect(try RealModel.withClassifier { try $0.classify(bytes, limits: limits) }.framesTotal == 1)
        limits.maximumPixelsStreamed -= 1
        let error = #expect(throws: ScanError.self) {
            try RealModel.withClassifier { try $0.classify(bytes, limits: limits) }
        }
        #expect(error == .unscannable("640 × 480 pixels; at most 307199 pixels can be checked"))
    }
}
