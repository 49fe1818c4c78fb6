/// How much a worker may be asked to decode. Beyond any of these a file is unscannable.
package struct ScanLimits: Hashable, Sendable {
    package var maximumFileBytes: Int
    package var maximumPixelsPerFrame: Int
    /// Over all frames that are decoded.
    package var maximumTotalPixels: Int
    package var maximumFrames: Int

    package init(maximumFileBytes: Int, maximumPixelsPerFrame: Int, maximumTotalPixels: Int, maximumFrames: Int) {
        self.maximumFileBytes = maximumFileBytes
        self.maximumPixelsPerFrame = maximumPixelsPerFrame
        self.maximumTotalPixels = maximumTotalPixels
        self.maximumFrames = maximumFrames
    }
}
