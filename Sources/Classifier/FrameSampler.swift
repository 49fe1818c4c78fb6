internal import ImageDecoding

/// The small pictures that one frame is scored as: one for each way in which viewers turn it, and each of these three
/// times where it is not opaque: over black, over white, and with its alpha ignored.
@safe final class FrameSampler {
    private let frame: FrameHeader
    /// By orientation; of three once a pixel was found that is not opaque, of one until then.
    private var resamplers: [[RowResampler]]
    /// One row of RGB for each background.
    private let rows: UnsafeMutablePointer<UInt8>
    private let rowBytes: Int

    init(_ frame: FrameHeader, target: RowResampler.Target) {
        self.frame = frame
        rowBytes = frame.width * 3
        // Safe: this object's alone, deallocated once in deinit.
        unsafe rows = .allocate(capacity: frame.hasAlpha ? rowBytes * 3 : 1)
        unsafe rows.initialize(repeating: 0, count: frame.hasAlpha ? rowBytes * 3 : 1)
        resamplers = frame.orientations.map { orientation in
            [RowResampler(width: frame.width, height: frame.height, orientation: orientation, target: target)]
        }
    }

    deinit {
        unsafe rows.deallocate()
    }

    /// The pictures, RGB, to be taken once all rows came.
    var pictures: [[UInt8]] { resamplers.flatMap { $0.map(\.pixels) } }

    func consume(_ row: Span<UInt8>) {
        precondition(row.count == frame.width * frame.channels)
        unsafe row.withUnsafeBufferPointer { row in
            guard let base = row.baseAddress else { return }
            if frame.hasAlpha {
                unsafe consumeWithAlpha(base)
            } else {
                for resampler in resamplers { unsafe resampler[0].consume(base) }
            }
        }
    }

    private func consumeWithAlpha(_ row: UnsafePointer<UInt8>) {
        if resamplers[0].count == 1, !(unsafe isOpaque(row)) {
            // Up to here the three were the same.
            resamplers = resamplers.map { [$0[0], RowResampler(copying: $0[0]), RowResampler(copying: $0[0])] }
        }
        if resamplers[0].count == 1 { unsafe dropAlpha(row) } else { unsafe composite(row) }
        for group in resamplers {
            for (background, resampler) in group.enumerated() { unsafe resampler.consume(rows + background * rowBytes) }
        }
    }

    // In the following, pointers are unchecked, for these are inner loops: a row has `frame.width` pixels of 4 bytes, and
    // `rows` has place for 3 × `frame.width` pixels of 3 bytes.

    private func isOpaque(_ row: UnsafePointer<UInt8>) -> Bool {
        var alpha: UInt8 = 255
        for index in 0..<frame.width { unsafe alpha &= row[index * 4 + 3] }
        return alpha == 255
    }

    private func dropAlpha(_ row: UnsafePointer<UInt8>) {
        for index in 0..<frame.width {
            unsafe rows[index * 3] = row[index * 4]
            unsafe rows[index * 3 + 1] = row[index * 4 + 1]
            unsafe rows[index * 3 + 2] = row[index * 4 + 2]
        }
    }

    /// Writes the row with its alpha ignored, over black and over white, blended as browsers do: in sRGB's own values.
    private func composite(_ row: UnsafePointer<UInt8>) {
        let (ignoring, black, white) = unsafe (rows, rows + rowBytes, rows + 2 * rowBytes)
        for index in 0..<frame.width {
            let alpha = unsafe UInt32(row[index * 4 + 3])
            for channel in 0..<3 {
                let value = unsafe row[index * 4 + channel]
                // Value × alpha ÷ 255, rounded to the nearest.
                let product = UInt32(value) * alpha + 128
                let share = (product + product >> 8) >> 8
                unsafe ignoring[index * 3 + channel] = value
                unsafe black[index * 3 + channel] = UInt8(truncatingIfNeeded: share)
                unsafe white[index * 3 + channel] = UInt8(truncatingIfNeeded: share + 255 - alpha)
            }
        }
    }
}
