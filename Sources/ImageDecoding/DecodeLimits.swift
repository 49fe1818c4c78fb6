/// What decoding one file may cost. Checked from the headers, before anything of the picture's size is allocated.
package struct DecodeLimits: Hashable, Sendable {
    /// Width and height of one frame.
    package var maximumSide: Int
    /// Width × height of one frame that the decoder or its canvas holds whole.
    package var maximumPixelsPerFrame: Int
    /// Width × height of a picture that passes through row by row: a JPEG, or a PNG neither interlaced nor animated.
    package var maximumPixelsStreamed: Int
    /// Width × height of all frames together.
    package var maximumPixelsTotal: Int
    package var maximumFrames: Int
    /// Scans of a progressive JPEG, each of which passes over the whole picture. Encoders use about 10.
    package var maximumScans: Int
    /// Bytes that a decoder may hold beside the file itself.
    package var maximumWorkingBytes: Int

    package init(
        maximumSide: Int = 65_535, maximumPixelsPerFrame: Int = 50_000_000,
        maximumPixelsStreamed: Int = 250_000_000, maximumPixelsTotal: Int = 500_000_000, maximumFrames: Int = 10_000,
        maximumScans: Int = 100,
        maximumWorkingBytes: Int = 440 * 1_048_576
    ) {
        self.maximumSide = maximumSide
        self.maximumPixelsPerFrame = maximumPixelsPerFrame
        self.maximumPixelsStreamed = maximumPixelsStreamed
        self.maximumPixelsTotal = maximumPixelsTotal
        self.maximumFrames = maximumFrames
        self.maximumScans = maximumScans
        self.maximumWorkingBytes = maximumWorkingBytes
    }

    /// Checks a picture of `frames` frames of `width` × `height` pixels, as its header announces it.
    package func check(width: Int, height: Int, frames: Int = 1) throws(DecodingError) {
        guard width > 0, height > 0, frames > 0 else {
            throw .corrupt("a picture of \(width) × \(height) pixels and \(frames) frames")
        }
        guard width <= maximumSide, height <= maximumSide else {
            throw .limitExceeded("\(width) × \(height) pixels; at most \(maximumSide) pixels a side can be checked")
        }
        let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, pixels <= maximumPixelsPerFrame else {
            throw .limitExceeded(
                "\(width) × \(height) pixels; at most \(maximumPixelsPerFrame) pixels can be checked")
        }
        guard frames <= maximumFrames else {
            throw .limitExceeded("\(frames) frames; at most \(maximumFrames) can be checked")
        }
        let (total, totalOverflow) = pixels.multipliedReportingOverflow(by: frames)
        guard !totalOverflow, total <= maximumPixelsTotal else {
            throw .limitExceeded(
                "\(frames) frames of \(width) × \(height) pixels; at most \(maximumPixelsTotal) pixels can be checked")
        }
    }

    /// A streamed PNG may have longer sides than what is held whole: as long as libpng allows where nobody asks for more, so
    /// that what browsers built on it show is checked. Its rows bound the memory, not its sides.
    private static let maximumStreamedSide = 1_000_000

    /// Checks a picture that passes through row by row, as its header announces it.
    package func checkStreamed(width: Int, height: Int) throws(DecodingError) {
        var limits = self
        limits.maximumSide = max(maximumSide, Self.maximumStreamedSide)
        limits.maximumPixelsPerFrame = maximumPixelsStreamed
        try limits.check(width: width, height: height)
    }

    /// The limits for a picture inside another one, which is drawn as well as looked at.
    var forEmbedded: DecodeLimits {
        var limits = self
        limits.maximumPixelsStreamed = min(maximumPixelsStreamed, maximumPixelsPerFrame)
        return limits
    }

    /// Scans that a JPEG of `pixels` pixels may have: in a picture larger than one that is held whole fewer, for each of them
    /// passes over the whole picture.
    func maximumScans(forPixels pixels: Int) -> Int {
        guard pixels > maximumPixelsPerFrame else { return maximumScans }
        let (passes, overflow) = maximumScans.multipliedReportingOverflow(by: maximumPixelsPerFrame)
        return overflow ? maximumScans : max(1, passes / pixels)
    }

    /// Checks an animation whose frames change parts of one canvas, as its headers announce them.
    ///
    /// What the changed parts hold has to be decoded, and as many canvases as are looked at have to be scored: either is
    /// limited to `maximumPixelsTotal`. Canvases that are only passed through cost no more than what changes in them.
    /// - Parameter changedPixels: width × height of the parts, over all frames.
    package func checkAnimation(
        width: Int, height: Int, frames: Int, changedPixels: Int
    ) throws(DecodingError) {
        try check(width: width, height: height, frames: min(frames, FrameSelection.maximumCount))
        guard frames <= maximumFrames else {
            throw .limitExceeded("\(frames) frames; at most \(maximumFrames) can be checked")
        }
        guard changedPixels <= maximumPixelsTotal else {
            throw .limitExceeded(
                "\(frames) frames of \(changedPixels) pixels in total; at most \(maximumPixelsTotal) can be checked")
        }
    }

    /// Checks the memory that decoding `what` takes at once.
    package func checkMemory(bytes: Int, for what: String) throws(DecodingError) {
        guard bytes <= maximumWorkingBytes else {
            throw .limitExceeded("decoding the \(what) needs \(bytes) bytes of memory")
        }
    }
}
