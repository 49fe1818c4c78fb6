internal import ImageDecoding

/// The small pictures that one frame is scored as: one for each way in which viewers turn it, and each of these three
/// times where it is not opaque: over black, over white, and with its alpha ignored.
final class FrameSampler {
    private let frame: FrameHeader
    /// By orientation; of three once a pixel was found that is not opaque, of one until then.
    private var resamplers: [[RowResampler]]
    private let planes: PixelPlanes
    /// Stored columns and rows that matter to any of them.
    private let columns: Range<Int>
    private let rows: Range<Int>
    private var nextRow = 0

    init(_ frame: FrameHeader, target: RowResampler.Target) {
        self.frame = frame
        let planes = PixelPlanes(width: frame.width, hasAlpha: frame.hasAlpha)
        self.planes = planes
        let first = frame.orientations.map { orientation in
            RowResampler(
                width: frame.width, height: frame.height, orientation: orientation, target: target,
                planeStride: planes.stride)
        }
        columns = Self.hull(first.map(\.columns))
        rows = Self.hull(first.map(\.rows))
        resamplers = first.map { [$0] }
    }

    private static func hull(_ ranges: [Range<Int>]) -> Range<Int> {
        guard let start = ranges.map(\.lowerBound).min(), let end = ranges.map(\.upperBound).max() else { return 0..<0 }
        return start..<end
    }

    /// The pictures, RGB, to be taken once all rows came.
    var pictures: [[UInt8]] { resamplers.flatMap { $0.map(\.pixels) } }

    func consume(_ row: Span<UInt8>) {
        precondition(row.count == frame.width * frame.channels)
        defer { nextRow += 1 }
        guard rows.contains(nextRow) else {
            for group in resamplers { for resampler in group { resampler.skip() } }
            return
        }
        unsafe row.withUnsafeBufferPointer { row in
            guard let base = row.baseAddress else { return }
            if frame.hasAlpha { unsafe splitAlpha(base) } else { unsafe planes.split(rgb: base, columns: columns) }
        }
        for group in resamplers {
            for (background, resampler) in group.enumerated() {
                unsafe resampler.consume(planes.picture(background))
            }
        }
    }

    private func splitAlpha(_ row: UnsafePointer<UInt8>) {
        let isOpaque = unsafe planes.split(rgba: row, columns: columns)
        if resamplers[0].count == 1 {
            guard !isOpaque else { return }
            // Up to here the three were the same.
            resamplers = resamplers.map { [$0[0], RowResampler(copying: $0[0]), RowResampler(copying: $0[0])] }
        }
        planes.composite(columns: columns)
    }
}
