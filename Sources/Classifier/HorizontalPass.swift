internal import CResample

/// Resizes one line of pixels.
struct HorizontalPass {
    private let taps: [cresample_tap]
    /// The weights' lower and upper 11 bits, each tap's filled up with zeros to whole blocks.
    private let low: [Int16]
    private let high: [Int16]
    private let forAnyProcessor: Bool
    /// Stored samples that matter.
    let range: Range<Int>

    /// - Parameter forAnyProcessor: whether only what every processor can is used; the result is the same.
    init(_ filter: AxisFilter, forAnyProcessor: Bool = false) {
        self.forAnyProcessor = forAnyProcessor
        var taps: [cresample_tap] = []
        var low: [Int16] = []
        var high: [Int16] = []
        let block = Int(CRESAMPLE_BLOCK)
        for tap in filter.taps {
            let count = (tap.count + block - 1) / block * block
            taps.append(
                cresample_tap(
                    start: UInt32(tap.start), count: UInt32(count), weight_offset: UInt32(low.count),
                    target: UInt32(tap.target)))
            for weight in filter.weights[tap.weightOffset..<tap.weightOffset + tap.count] {
                low.append(Int16(weight & 0x7ff))
                high.append(Int16(weight >> 11))
            }
            low += repeatElement(0, count: count - tap.count)
            high += repeatElement(0, count: count - tap.count)
        }
        (self.taps, self.low, self.high, range) = (taps, low, high, filter.range)
    }

    /// - Parameters:
    ///   - planes: red, green and blue, with room for a block behind each.
    ///   - planeStride: bytes from one plane to the next.
    ///   - output: place for the first pixel of the result, RGB.
    ///   - stride: bytes from one pixel of the result to the next.
    func apply(
        _ planes: UnsafePointer<UInt8>, planeStride: Int, to output: UnsafeMutablePointer<UInt8>, stride: Int
    ) {
        // Unchecked, for this is the innermost loop of the gate: the filter's taps stay within its stored samples, and
        // its targets within its window.
        unsafe cresample_horizontal(
            planes, planeStride, taps, taps.count, low, high, forAnyProcessor, output, stride)
    }
}
