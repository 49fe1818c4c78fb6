internal import CPNG
internal import Glibc

/// Passes the frames of a picture that is embedded in another one on to that one's visitor, and keeps the first, made
/// smaller and turned upright, to be drawn where it is embedded.
final class EmbeddedPicture: FrameVisitor {
    private let visitor: any FrameVisitor
    private let firstIndex: Int
    private let framesTotal: Int
    private let maximumSide: Int
    private var isPassingOn = false
    private var shrinking: Shrinking?
    private(set) var hasEnded = false
    /// The first frame.
    private(set) var first: Shrinking?

    /// - Parameters:
    ///   - firstIndex: the number of its first frame among all of the outer picture.
    ///   - framesTotal: of the outer picture.
    ///   - maximumSide: pixels of the longer side of what is kept.
    init(for visitor: any FrameVisitor, firstIndex: Int, framesTotal: Int, maximumSide: Int) {
        self.visitor = visitor
        self.firstIndex = firstIndex
        self.framesTotal = framesTotal
        self.maximumSide = maximumSide
    }

    func beginFrame(_ frame: FrameHeader) -> Bool {
        var outer = frame
        outer.index = firstIndex + frame.index
        outer.framesTotal = framesTotal
        isPassingOn = visitor.beginFrame(outer)
        shrinking = first == nil ? Shrinking(frame, maximumSide: maximumSide) : nil
        return isPassingOn || shrinking != nil
    }

    func visitRow(_ row: Span<UInt8>) {
        if isPassingOn { visitor.visitRow(row) }
        shrinking?.add(row)
    }

    func endFrame() -> Bool {
        if let shrinking { first = shrinking }
        shrinking = nil
        if isPassingOn { hasEnded = !visitor.endFrame() }
        return !hasEnded
    }

    /// A frame made smaller by the mean of squares of pixels.
    struct Shrinking {
        private let frame: FrameHeader
        private let factor: Int
        private let width: Int
        /// RGB and alpha, of the rows so far, as they are stored.
        private var pixels: [UInt8] = []
        /// For each pixel of the next row: red, green and blue times alpha, and alpha.
        private var sums: [Int]
        private var rowsInSums = 0

        init(_ frame: FrameHeader, maximumSide: Int) {
            self.frame = frame
            factor = max(1, (max(frame.width, frame.height) + maximumSide - 1) / maximumSide)
            width = (frame.width + factor - 1) / factor
            sums = [Int](repeating: 0, count: width * 4)
        }

        private var orientation: Orientation { frame.orientations.first ?? .upright }
        /// Of the frame that is looked at, before it was made smaller.
        var originalSize: (width: Int, height: Int) {
            orientation.swapsAxes ? (frame.height, frame.width) : (frame.width, frame.height)
        }

        mutating func add(_ row: Span<UInt8>) {
            let channels = frame.channels
            for column in 0..<frame.width {
                let source = column * channels
                let target = column / factor * 4
                let alpha = channels == 4 ? Int(row[source + 3]) : 255
                for channel in 0..<3 { sums[target + channel] += Int(row[source + channel]) * alpha }
                sums[target + 3] += alpha
            }
            rowsInSums += 1
            if rowsInSums == factor { endRow() }
        }

        private mutating func endRow() {
            for column in 0..<width {
                let alpha = sums[column * 4 + 3]
                for channel in 0..<3 {
                    pixels.append(alpha == 0 ? 0 : UInt8((sums[column * 4 + channel] + alpha / 2) / alpha))
                }
                let count = rowsInSums * min(factor, frame.width - column * factor)
                pixels.append(UInt8((alpha + count / 2) / count))
            }
            for index in sums.indices { sums[index] = 0 }
            rowsInSums = 0
        }

        /// The picture as it is looked at, as a PNG.
        consuming func encode() throws(DecodingError) -> [UInt8] {
            if rowsInSums > 0 { endRow() }
            let height = pixels.count / 4 / width
            let turned = upright(height: height)
            let size = orientation.swapsAxes ? (height, width) : (width, height)
            var data: UnsafeMutablePointer<UInt8>?
            var count = 0
            // Safe: there are as many pixels as the size says; what the encoder allocates is freed here.
            let status = unsafe turned.withUnsafeBufferPointer { pixels in
                unsafe cpng_encode(pixels.baseAddress, UInt32(size.0), UInt32(size.1), &data, &count)
            }
            guard status == CPNG_OK else { throw .limitExceeded("out of memory") }
            defer { unsafe free(data) }
            return unsafe Array(UnsafeBufferPointer(start: data, count: count))
        }

        private func upright(height: Int) -> [UInt8] {
            guard orientation != .upright else { return pixels }
            let uprightWidth = orientation.swapsAxes ? height : width
            var result = [UInt8](repeating: 0, count: pixels.count)
            for row in 0..<height {
                for column in 0..<width {
                    let along = orientation.reversesColumns ? width - 1 - column : column
                    let across = orientation.reversesRows ? height - 1 - row : row
                    let target = orientation.swapsAxes ? along * uprightWidth + across : across * uprightWidth + along
                    for channel in 0..<4 {
                        result[target * 4 + channel] = pixels[(row * width + column) * 4 + channel]
                    }
                }
            }
            return result
        }
    }
}

/// Counts the frames of a file, and their pixels, without looking at any.
final class FrameCounter: FrameVisitor {
    private(set) var frames = 0
    private(set) var pixels = 0

    func beginFrame(_ frame: FrameHeader) -> Bool {
        frames = max(frames, frame.framesTotal)
        pixels += frame.width * frame.height
        return false
    }
    func visitRow(_ row: Span<UInt8>) {}
    func endFrame() -> Bool { true }
}
