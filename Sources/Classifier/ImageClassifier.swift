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

    package var identity: ModelIdentity { manifest.identity }
    /// ONNX Runtime's version.
    package var runtimeVersion: String { session.runtimeVersion }

    /// Loads the runtime and the manifest's model, compares the model with the manifest and runs it once.
    /// - Parameter runtimeLibraryPath: ONNX Runtime's shared library; a name without a slash is searched for where the
    ///   system keeps its libraries.
    package init(manifest: ModelManifest, runtimeLibraryPath: String) throws(ClassifierError) {
        self.manifest = manifest
        preprocessor = Preprocessor(manifest)
        session = try InferenceSession(manifest: manifest, library: RuntimeLibrary(path: runtimeLibraryPath))
        try warmUp()
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
    /// - Parameter type: what the file is by its content.
    package func classify(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, threshold: Double
    ) throws(ScanError) -> ScanScore {
        let scorer = try scorer(file, type: type, limits: limits, threshold: threshold)
        if let failure = scorer.failure { throw .classifier(failure) }
        return scorer.score
    }

    /// What has seen the file's frames.
    func scorer(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, threshold: Double
    ) throws(ScanError) -> FrameScorer {
        let scorer = FrameScorer(preprocessor: preprocessor, session: session, threshold: threshold)
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
