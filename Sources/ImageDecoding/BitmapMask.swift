/// Where in a pixel of 16 or 32 bits the bits of one channel are.
struct BitmapMask {
    private let shift: UInt32
    /// The greatest value; 0 where the channel is missing.
    private let maximum: UInt32

    /// Nil where the bits are not in one piece.
    init?(_ mask: UInt32) {
        shift = mask == 0 ? 0 : UInt32(mask.trailingZeroBitCount)
        maximum = mask >> shift
        guard maximum & (maximum &+ 1) == 0 else { return nil }
    }

    var isEmpty: Bool { maximum == 0 }

    /// The channel's value of 0...255, rounded to the nearest.
    @inline(__always)
    func value(in pixel: UInt32) -> UInt8 {
        guard maximum > 0 else { return 0 }
        let bits = UInt64(pixel >> shift & maximum)
        return UInt8(truncatingIfNeeded: (bits * 510 + UInt64(maximum)) / (2 * UInt64(maximum)))
    }
}
