internal import Crypto
internal import Domain
internal import ImageDecoding

/// Scores the frames of one file as they are decoded, until one is at or above the threshold: every frame where there are
/// few, else a selection of them. With a screen, each picture that this scores below the margin is cleared, and each other
/// one is scored exactly.
final class FrameScorer: FrameVisitor {
    /// The pass that is made before the exact one.
    struct Screen {
        let session: InferenceSession
        /// Pictures that score below it are cleared; nil to ask nothing but the screen.
        let margin: Double?
    }

    private let preprocessor: Preprocessor
    private let session: InferenceSession
    private let screen: Screen?
    private let threshold: Double
    private var sampler: FrameSampler?
    /// The small pictures that have their score already, since the frames of an animation often repeat one another. By
    /// their hash, which no file can make collide, and which takes little memory.
    private var scored: Set<ContentHash> = []
    private var framesTotal = 0
    private var framesScanned = 0
    private var screenScore = 0.0
    /// nil as long as the screen cleared everything.
    private var exactScore: Double?
    /// How often the models ran.
    private(set) var inferences = 0
    private(set) var failure: ClassifierError?

    init(preprocessor: Preprocessor, session: InferenceSession, screen: Screen? = nil, threshold: Double) {
        self.preprocessor = preprocessor
        self.session = session
        self.screen = screen
        self.threshold = threshold
    }

    var score: ScanScore {
        let isCleared = screen != nil && exactScore == nil
        return ScanScore(
            score: isCleared ? screenScore : exactScore ?? 0, framesTotal: framesTotal, framesScanned: framesScanned,
            pass: isCleared ? .screen : .exact)
    }

    func beginFrame(_ frame: FrameHeader) -> Bool {
        framesTotal = frame.framesTotal
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
        do throws(ClassifierError) {
            for picture in sampler.pictures where scored.insert(SHA256.hash(of: picture)).inserted {
                try score(picture)
            }
        } catch {
            failure = error
            return false
        }
        framesScanned += 1
        return exactScore ?? 0 < threshold
    }

    private func score(_ picture: [UInt8]) throws(ClassifierError) {
        var pixels = picture
        try preprocessor.recompress(&pixels)
        if let screen {
            let found = try run(screen.session, pixels)
            guard let margin = screen.margin, found >= margin else {
                screenScore = max(screenScore, found)
                return
            }
        }
        exactScore = max(exactScore ?? 0, try run(session, pixels))
    }

    private func run(_ session: InferenceSession, _ pixels: [UInt8]) throws(ClassifierError) -> Double {
        inferences += 1
        return try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: pixels) }
    }
}
