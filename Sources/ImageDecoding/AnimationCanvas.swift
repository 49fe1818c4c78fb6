/// The canvas that the frames of an animation are composed on: RGB and alpha, not premultiplied, transparent at first.
///
/// A transparent pixel keeps the colour that a viewer without transparency would show, since the look at a frame that
/// ignores its alpha counts as well.
@safe struct AnimationCanvas: ~Copyable {
    /// What becomes of the canvas where a frame has been, before the next one is drawn.
    enum Disposal {
        case keep
        /// Transparent again.
        case clear
        /// As it was before the frame.
        case restore
    }

    let width: Int
    let height: Int
    private let pixels: PixelMemory
    /// The colour of transparent pixels that nothing was drawn on: RGB.
    private let background: [UInt8]
    /// What a frame that will be taken back has covered, row by row.
    private var backup: PixelMemory
    private var pending: (rectangle: CanvasRectangle, disposal: Disposal)?

    /// The size must have been checked against the limits.
    init(width: Int, height: Int, background: [UInt8] = [0, 0, 0]) throws(DecodingError) {
        precondition(width > 0 && height > 0 && background.count == 3)
        let pixels = try PixelMemory(count: Self.bytes(width: width, height: height))
        let backup = try PixelMemory(count: 0)
        self.width = width
        self.height = height
        self.background = background
        self.pixels = pixels
        self.backup = backup
        if background != [0, 0, 0] { clear(CanvasRectangle(left: 0, top: 0, width: width, height: height)) }
    }

    /// What a canvas takes of memory, and once more that while a frame of its size waits to be taken back.
    static func bytes(width: Int, height: Int) -> Int { width * height * 4 }

    /// Ends the frame before, and begins one that will cover `rectangle`, of which what lies outside is ignored.
    mutating func beginFrame(_ rectangle: CanvasRectangle, disposal: Disposal) throws(DecodingError) {
        if let (rectangle, disposal) = pending {
            switch disposal {
            case .keep: break
            case .clear: clear(rectangle)
            case .restore: copy(rectangle, fromBackup: true)
            }
        }
        let visible = rectangle.clipped(toWidth: width, height: height)
        pending = (visible, disposal)
        guard disposal == .restore else { return }
        let needed = Self.bytes(width: visible.width, height: visible.height)
        if backup.count < needed { backup = try PixelMemory(count: needed) }
        copy(visible, fromBackup: false)
    }

    private func clear(_ rectangle: CanvasRectangle) {
        for row in 0..<rectangle.height {
            let target = unsafe address(rectangle.left, rectangle.top + row, count: rectangle.width)
            for index in 0..<rectangle.width {
                for channel in 0..<3 { unsafe target[index * 4 + channel] = background[channel] }
                unsafe target[index * 4 + 3] = 0
            }
        }
    }

    private func copy(_ rectangle: CanvasRectangle, fromBackup: Bool) {
        let rowBytes = rectangle.width * 4
        for row in 0..<rectangle.height {
            let onCanvas = unsafe address(rectangle.left, rectangle.top + row, count: rectangle.width)
            let inBackup = unsafe backup.pointer(at: row * rowBytes, count: rowBytes)
            unsafe (fromBackup ? onCanvas : inBackup).update(from: fromBackup ? inBackup : onCanvas, count: rowBytes)
        }
    }

    /// The address of pixel (`left`, `top`), from which `count` pixels of 4 bytes belong to its row. Only valid while the
    /// canvas lives.
    private func address(_ left: Int, _ top: Int, count: Int) -> UnsafeMutablePointer<UInt8> {
        precondition(left >= 0 && top >= 0 && left + count <= width && top < height)
        return unsafe pixels.pointer(at: (top * width + left) * 4, count: count * 4)
    }

    /// Gives `draw` the part of row `top` that begins at `left` and is at most `count` pixels of 4 bytes long, or nothing
    /// where the row lies outside.
    func drawRow(_ left: Int, _ top: Int, count: Int, _ draw: (UnsafeMutablePointer<UInt8>, _ count: Int) -> Void) {
        guard left >= 0, left < width, top >= 0, top < height, count > 0 else { return }
        let visible = min(count, width - left)
        unsafe draw(address(left, top, count: visible), visible)
    }

    /// Replaces a part of a row by `count` pixels of `source`, each 3 bytes of RGB or 4 with alpha.
    func replaceRow(_ left: Int, _ top: Int, with source: UnsafePointer<UInt8>, count: Int, channels: Int) {
        unsafe drawRow(left, top, count: count) { target, visible in
            if channels == 4 {
                unsafe target.update(from: source, count: visible * 4)
            } else {
                for index in 0..<visible {
                    for channel in 0..<3 {
                        unsafe target[index * 4 + channel] = source[index * channels + channel]
                    }
                    unsafe target[index * 4 + 3] = 255
                }
            }
        }
    }

    /// Lays `count` pixels of `source`, RGB and alpha, over a part of a row.
    func blendRow(_ left: Int, _ top: Int, with source: UnsafePointer<UInt8>, count: Int) {
        unsafe drawRow(left, top, count: count) { target, visible in
            for index in 0..<visible { unsafe Self.blend(source + index * 4, over: target + index * 4) }
        }
    }

    /// The "over" of PNG's section 13.16, in sRGB's own values as browsers compute it, rounded to the nearest.
    private static func blend(_ source: UnsafePointer<UInt8>, over target: UnsafeMutablePointer<UInt8>) {
        let (alpha, below) = unsafe (UInt32(source[3]), UInt32(target[3]))
        if alpha == 255 || below == 0 {
            unsafe target.update(from: source, count: 4)
        } else if alpha > 0 {
            // Both in 255ths of 255ths.
            let share = below * (255 - alpha)
            let total = alpha * 255 + share
            for channel in 0..<3 {
                let sum = unsafe UInt32(source[channel]) * alpha * 255 + UInt32(target[channel]) * share
                unsafe target[channel] = UInt8(truncatingIfNeeded: (sum + total / 2) / total)
            }
            unsafe target[3] = UInt8(truncatingIfNeeded: (total + 127) / 255)
        }
    }

    /// Shows the canvas as a frame, if the visitor wants it. Whether the visitor wants more.
    func show(_ header: FrameHeader, to visitor: any FrameVisitor) -> Bool {
        precondition(header.width == width && header.height == height && header.channels == 4)
        guard visitor.beginFrame(header) else { return true }
        for row in 0..<height {
            unsafe visitor.visitRow(UnsafeBufferPointer(start: address(0, row, count: width), count: width * 4).span)
        }
        return visitor.endFrame()
    }
}
