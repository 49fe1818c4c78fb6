/// Resizes one line of RGB pixels.
struct HorizontalPass {
    private let filter: AxisFilter

    init(_ filter: AxisFilter) { self.filter = filter }

    /// Pixels of a resized line.
    var outputCount: Int { filter.taps.count }

    /// - Parameters:
    ///   - line: at least as many RGB pixels as the filter's stored samples.
    ///   - output: place for the first pixel of the result.
    ///   - stride: bytes from one pixel of the result to the next.
    func apply(_ line: UnsafePointer<UInt8>, to output: UnsafeMutablePointer<UInt8>, stride: Int) {
        // Unchecked pointers, for this is the innermost loop of the gate: the filter's taps stay within its stored
        // samples, and its targets within its window.
        unsafe filter.weights.withUnsafeBufferPointer { weights in
            guard let base = weights.baseAddress else { return }
            for tap in filter.taps {
                var pixel = unsafe line + tap.start * 3
                var weight = unsafe base + tap.weightOffset
                // Red and green share one multiplication: each sum stays below 2^31, for weights are not negative.
                var redGreen = UInt64(AxisFilter.half) << 32 | UInt64(AxisFilter.half)
                var blue = UInt32(AxisFilter.half)
                for _ in 0..<tap.count {
                    let factor = unsafe UInt32(bitPattern: weight.pointee)
                    let pair = unsafe UInt64(pixel[0]) << 32 | UInt64(pixel[1])
                    redGreen &+= pair &* UInt64(factor)
                    unsafe blue &+= UInt32(pixel[2]) &* factor
                    unsafe pixel += 3
                    unsafe weight += 1
                }
                let target = unsafe output + tap.target * stride
                unsafe target[0] = AxisFilter.clip(UInt32(truncatingIfNeeded: redGreen >> 32))
                unsafe target[1] = AxisFilter.clip(UInt32(truncatingIfNeeded: redGreen))
                unsafe target[2] = AxisFilter.clip(blue)
            }
        }
    }
}

extension AxisFilter {
    /// A sum of weighted bytes, as the byte that it stands for.
    @inline(__always)
    static func clip(_ sum: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: min(255, sum >> UInt32(precisionBits))) }
}
