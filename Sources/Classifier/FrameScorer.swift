internal import Domain
internal import ImageDecoding

/// Scores the frames of one file as they are decoded, until one is at or above the threshold.
final class FrameScorer: FrameVisitor {
    private let preprocessor: Preprocessor
    private let session: InferenceSession
    private let threshold: Double
    private var sampler: FrameSampler?
    private(set) var score = ScanScore(score: 0, framesTotal: 0, framesScanned: 0)
    private(set) var failure: ClassifierError?

    init(preprocessor: Preprocessor, session: InferenceSession, threshold: Double) {
        self.preprocessor = preprocessor
        self.session = session
        self.threshold = threshold
    }

    func beginFrame(_ frame: FrameHeader) -> Bool {
        score.framesTotal = frame.framesTotal
        sampler = FrameSampler(frame, target: preprocessor.target)
        return true
    }

    func visitRow(_ row: Span<UInt8>) {
        sampler?.consume(row)
    }

    func endFrame() -> Bool {
        guard let sampler else { return false }
        self.sampler = nil
        do {
            for picture in sampler.pictures {
                score.score = max(score.score, try self.score(picture))
            }
        } catch {
            failure = error
            return false
        }
        score.framesScanned += 1
        return score.score < threshold
    }

    private func score(_ picture: [UInt8]) throws(ClassifierError) -> Double {
        var pixels = picture
        try preprocessor.recompress(&pixels)
        return try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: pixels) }
    }
}
