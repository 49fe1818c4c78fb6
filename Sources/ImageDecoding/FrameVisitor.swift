/// One frame of a file, as its header describes it.
package struct FrameHeader: Hashable, Sendable {
    /// Pixels per stored row.
    package var width: Int
    /// Stored rows.
    package var height: Int
    package var hasAlpha: Bool
    /// The ways in which viewers turn the picture; more than one where they do not agree.
    package var orientations: [Orientation]
    /// From 0.
    package var index: Int
    package var framesTotal: Int

    package init(
        width: Int, height: Int, hasAlpha: Bool, orientations: [Orientation] = [.upright], index: Int = 0,
        framesTotal: Int = 1
    ) {
        self.width = width
        self.height = height
        self.hasAlpha = hasAlpha
        self.orientations = orientations
        self.index = index
        self.framesTotal = framesTotal
    }

    /// Bytes per pixel of a row: RGB, or RGB and alpha.
    package var channels: Int { hasAlpha ? 4 : 3 }
}

/// Whoever looks at the frames of a file while they are decoded: row by row, so that no decoder has to hold a whole
/// picture for its visitor's sake.
package protocol FrameVisitor: AnyObject {
    /// A frame begins. False skips its rows, and its `endFrame`.
    func beginFrame(_ frame: FrameHeader) -> Bool

    /// The frame's next stored row, from the top: `width` pixels, each 3 bytes of RGB in sRGB, or 4 with an alpha that is
    /// not premultiplied (0 is transparent). Valid during the call only.
    func visitRow(_ row: Span<UInt8>)

    /// All rows of the frame came, and its data were whole. False ends decoding.
    func endFrame() -> Bool
}
