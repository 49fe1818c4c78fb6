internal import ImageDecoding

/// Resizes a picture while its rows come in, and keeps only a window of the result: what Pillow's `resize` (bilinear,
/// reducing_gap None) and `crop` give, byte by byte.
///
/// A picture that has to be turned is not: its stored rows are resized in the order and with the mirrored weights that
/// give the same bytes as turning it first. Pillow resizes along the looked-at rows first, which are stored columns where
/// the axes swap.
final class RowResampler {
    /// What part of which size is wanted, in pixels of the picture that is looked at.
    struct Target: Hashable {
        var width: Int
        var height: Int
        var columns: Range<Int>
        var rows: Range<Int>
    }

    private let target: Target
    private let swapsAxes: Bool
    private let horizontal: HorizontalPass
    private let vertical: VerticalPass
    /// Bytes from one plane of a stored row to the next.
    private let planeStride: Int
    private var nextRow = 0
    /// The window, RGB.
    private(set) var pixels: [UInt8]

    /// - Parameter planeStride: of the rows that will come, `PixelPlanes.stride`.
    init(width: Int, height: Int, orientation: Orientation, target: Target, planeStride: Int) {
        self.target = target
        swapsAxes = orientation.swapsAxes
        self.planeStride = planeStride
        let alongColumns = swapsAxes ? (target.height, target.rows) : (target.width, target.columns)
        let alongRows = swapsAxes ? (target.width, target.columns) : (target.height, target.rows)
        horizontal = HorizontalPass(
            AxisFilter(
                length: width, resizedLength: alongColumns.0, window: alongColumns.1,
                reversed: orientation.reversesColumns))
        vertical = VerticalPass(
            AxisFilter(
                length: height, resizedLength: alongRows.0, window: alongRows.1, reversed: orientation.reversesRows),
            lineLength: (swapsAxes ? planeStride : target.columns.count) * 3)
        pixels = Array(repeating: 0, count: target.columns.count * target.rows.count * 3)
    }

    /// A resampler that goes on from where `other` is, independently.
    init(copying other: RowResampler) {
        target = other.target
        swapsAxes = other.swapsAxes
        horizontal = other.horizontal
        vertical = VerticalPass(copying: other.vertical)
        planeStride = other.planeStride
        nextRow = other.nextRow
        pixels = other.pixels
    }

    /// Stored columns and rows that matter: nothing else of a picture has to be there.
    var columns: Range<Int> { horizontal.range }
    var rows: Range<Int> { vertical.range }

    /// Passes over the next stored row, which must not matter.
    func skip() {
        precondition(!rows.contains(nextRow))
        nextRow += 1
    }

    /// Takes the next stored row, of three planes.
    func consume(_ row: UnsafePointer<UInt8>) {
        defer { nextRow += 1 }
        guard rows.contains(nextRow) else { return }
        let place = unsafe vertical.place(forLine: nextRow)
        if swapsAxes {
            unsafe place.update(from: row, count: planeStride * 3)
        } else {
            unsafe horizontal.apply(row, planeStride: planeStride, to: place, stride: 3)
        }
        let rowBytes = target.columns.count * 3
        unsafe vertical.complete(line: nextRow) { line, number in
            // In bounds: `number` is within the window, as are the horizontal pass's targets.
            unsafe pixels.withUnsafeMutableBufferPointer { pixels in
                guard let base = pixels.baseAddress else { return }
                if swapsAxes {
                    unsafe horizontal.apply(
                        line, planeStride: planeStride, to: base + number * 3, stride: rowBytes)
                } else {
                    unsafe (base + number * rowBytes).update(from: line, count: rowBytes)
                }
            }
        }
    }
}
