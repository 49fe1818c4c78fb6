package import Domain
package import ImageDecoding
package import Models

/// Decodes files and scores them with one model, on the calling thread alone.
///
/// Everything that needs a file or a library happens in `init`, which also runs each path once; from then on only memory
/// is used, so that the process can give up all other rights.
package final class ImageClassifier {
    private let manifest: ModelManifest
    private let preprocessor: Preprocessor
    private let session: InferenceSession
    /// What clears pictures that are plainly clean; nil without one.
    private let screen: InferenceSession?
    package let screenStatus: ScreenStatus

    package var identity: ModelIdentity { manifest.identity }
    /// ONNX Runtime's version.
    package var runtimeVersion: String { session.runtimeVersion }

    /// Loads the runtime and the manifest's model, compares the model with the manifest and runs it once.
    /// - Parameter runtimeLibraryPath: ONNX Runtime's shared library; a name without a slash is searched for where the
    ///   system keeps its libraries.
    ///   - usesScreen: whether to load the manifest's screen model too. One that is missing or wrong is no error:
    ///     `screenStatus` says so, and everything is scored exactly.
    package init(
        manifest: ModelManifest, runtimeLibraryPath: String, usesScreen: Bool = false
    ) throws(ClassifierError) {
        self.manifest = manifest
        preprocessor = Preprocessor(manifest)
        let library = try RuntimeLibrary(path: runtimeLibraryPath)
        let model: [UInt8]
        do {
            model = try manifest.readModel()
        } catch {
            throw .modelUnusable(error.description)
        }
        session = try InferenceSession(model, manifest: manifest, library: library)
        (screen, screenStatus) =
            usesScreen ? Self.loadScreen(of: manifest, preprocessor, library) : (nil, .off)
        try warmUp()
    }

    /// The screen, once it gave the known input the score that its manifest says.
    private static func loadScreen(
        of manifest: ModelManifest, _ preprocessor: Preprocessor, _ library: RuntimeLibrary
    ) -> (InferenceSession?, ScreenStatus) {
        do {
            guard let description = try ScreenManifest(of: manifest) else { return (nil, .off) }
            let session = try InferenceSession(description.readModel(), manifest: manifest, library: library)
            let found = try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: manifest.selfTest) }
            guard abs(found - description.selfTestScore) <= description.selfTestTolerance else {
                throw ClassifierError.selfTestFailed(
                    expected: description.selfTestScore, found: found, tolerance: description.selfTestTolerance)
            }
            return (session, .ready(sha256: description.sha256.rawValue, selfTestScore: found))
        } catch {
            return (nil, .unusable("\(error)"))
        }
    }

    /// Scores the manifest's known input and compares the score with the manifest's. Gives the score found.
    package func selfTest() throws(ClassifierError) -> Double {
        let test = manifest.selfTest
        let found = try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: test) }
        guard abs(found - test.score) <= test.tolerance else {
            throw .selfTestFailed(expected: test.score, found: found, tolerance: test.tolerance)
        }
        return found
    }

    /// Scores the file's frames, and stops at the first that scores `threshold` or more.
    /// - Parameters:
    ///   - type: what the file is by its content.
    ///   - mode: without a screen, everything is scored exactly whatever it is.
    package func classify(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, threshold: Double, mode: ScanMode = .exact
    ) throws(ScanError) -> ScanScore {
        let scorer = try scorer(file, type: type, limits: limits, threshold: threshold, mode: mode)
        if let failure = scorer.failure { throw .classifier(failure) }
        return scorer.score
    }

    /// What has seen the file's frames.
    func scorer(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, threshold: Double, mode: ScanMode = .exact
    ) throws(ScanError) -> FrameScorer {
        let scorer = makeScorer(threshold: threshold, mode)
        do {
            try ImageDecoder.decode(file, type: type, limits: limits, visitor: scorer)
        } catch {
            switch error {
            case .corrupt, .limitExceeded: throw .unscannable(error.explanation)
            case .unsupported: throw .unsupported(error.explanation)
            }
        }
        return scorer
    }

    private func makeScorer(threshold: Double, _ mode: ScanMode) -> FrameScorer {
        let passes: FrameScorer.Screen? =
            switch (mode, screen) {
            case (.exact, _), (_, nil): nil
            case (.screened(let margin), let screen?): .init(session: screen, margin: margin)
            case (.screenOnly, let screen?): .init(session: screen, margin: nil)
            }
        return FrameScorer(preprocessor: preprocessor, session: session, screen: passes, threshold: threshold)
    }

    /// Passes through every library once, so that none of them loads or looks up anything later.
    private func warmUp() throws(ClassifierError) {
        var pixels = [UInt8](repeating: 128, count: manifest.input.width * manifest.input.height * 3)
        try preprocessor.recompress(&pixels)
        _ = try unsafe session.score { tensor in unsafe preprocessor.fill(tensor, with: pixels) }
        do {
            try ImageDecoder.prepare()
            _ = try unsafe classify(Self.grayPixel.span.bytes, type: .png, limits: DecodeLimits(), threshold: 0)
        } catch {
            throw .modelUnusable("the smallest picture cannot be scored: \(error)")
        }
    }

    /// A PNG of one pixel.
    private static let grayPixel: [UInt8] = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b,
        0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x6c, 0x00, 0x00, 0x00,
        0x84, 0x00, 0x82, 0xb3, 0x8e, 0x01, 0x20, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
        0x42, 0x60, 0x82,
    ]
}
