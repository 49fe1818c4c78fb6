/// How much a worker may be asked to decode. Beyond any of these a file is unscannable.
package struct ScanLimits: Hashable, Sendable {
    package var maximumFileBytes: Int
    /// Width × height of a frame that is held whole.
    package var maximumPixelsPerFrame: Int
    /// Width × height of a picture that passes through row by row.
    package var maximumPixelsStreamed: Int
    /// Width × height of all frames together.
    package var maximumPixelsTotal: Int
    package var maximumFrames: Int
    /// Scans of a progressive JPEG.
    package var maximumScans: Int
    /// Memory of the decoder, beside the file. Less than what the pool gives a worker, so that the decoder refuses what
    /// would otherwise break the worker.
    package var maximumWorkingBytes: Int

    package init(
        maximumFileBytes: Int = 512 << 20, maximumPixelsPerFrame: Int = 50_000_000,
        maximumPixelsStreamed: Int = 250_000_000,
        maximumPixelsTotal: Int = 500_000_000, maximumFrames: Int = 10_000, maximumScans: Int = 100,
        maximumWorkingBytes: Int = 440 << 20
    ) {
        self.maximumFileBytes = maximumFileBytes
        self.maximumPixelsPerFrame = maximumPixelsPerFrame
        self.maximumPixelsStreamed = maximumPixelsStreamed
        self.maximumPixelsTotal = maximumPixelsTotal
        self.maximumFrames = maximumFrames
        self.maximumScans = maximumScans
        self.maximumWorkingBytes = maximumWorkingBytes
    }
}
