internal import Crypto
internal import Domain
internal import ImageDecoding

/// Scores the frames of one file as they are decoded, until one is at or above the threshold: every frame where there are
/// few, else a selection of them.
final class FrameScorer: FrameVisitor {
    private let preprocessor: Preprocessor
    private let session: InferenceSession
    private let threshold: Double
    private var sampler: FrameSampler?
    /// The small pictures that have their score already, since the frames of an animation often repeat one another. By
    /// their hash, which no file can make collide, and which takes little memory.
    private var scored: Set<ContentHash> = []
    private(set) var score = ScanScore(score: 0, framesTotal: 0, framesScanned: 0)
    /// How often the model ran.
    private(set) var inferences = 0
    private(set) var failure: ClassifierError?

    init(preprocessor: Preprocessor, session: InferenceSession, threshold: Double) {
        self.preprocessor = preprocessor
        self.session = session
        self.threshold = threshold
    }

    func beginFrame(_ frame: FrameHeader) -> Bool {
        score.framesTotal = frame.framesTotal
        guard FrameSelection.contains(frame.index, of: frame.framesTotal) else { return false }
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
            for picture in sampler.pictures where scored.insert(SHA256.hash(of: picture)).inserted {
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
        inferences += 1
        return try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: pixels) }
    }
}
