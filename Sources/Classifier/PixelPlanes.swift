internal import CResample

/// A line of pixels, taken apart: a plane for each channel, which is what resizing reads.
@safe final class PixelPlanes {
    /// Bytes from one plane to the next.
    let stride: Int
    private let width: Int
    private let start: UnsafeMutablePointer<UInt8>
    /// Red, green, blue, and for pixels with alpha: alpha, and the three over black and over white.
    private let count: Int

    init(width: Int, hasAlpha: Bool) {
        self.width = width
        let block = Int(CRESAMPLE_BLOCK)
        // Resizing reads whole blocks.
        stride = (width + block) / block * block + block
        count = hasAlpha ? 10 : 3
        // Safe: this object's alone, deallocated once in deinit.
        unsafe start = .allocate(capacity: stride * count)
        unsafe start.initialize(repeating: 0, count: stride * count)
    }

    deinit { unsafe start.deallocate() }

    // In the following, pointers are unchecked, for these are inner loops: a row has `width` pixels, and so has each plane.

    /// The first of three planes: of the pixels themselves, over black (1) or over white (2).
    func picture(_ background: Int = 0) -> UnsafePointer<UInt8> {
        unsafe UnsafePointer(plane(background == 0 ? 0 : 1 + background * 3))
    }

    private func plane(_ number: Int) -> UnsafeMutablePointer<UInt8> {
        precondition(number < count)
        return unsafe start + number * stride
    }

    /// Takes `columns` of a row of RGB apart.
    func split(rgb row: UnsafePointer<UInt8>, columns: Range<Int>) {
        precondition(columns.lowerBound >= 0 && columns.upperBound <= width)
        let first = columns.lowerBound
        unsafe cresample_split_rgb(
            row + first * 3, columns.count, plane(0) + first, plane(1) + first, plane(2) + first)
    }

    /// Takes `columns` of a row of RGB and alpha apart. Whether all of them are opaque.
    func split(rgba row: UnsafePointer<UInt8>, columns: Range<Int>) -> Bool {
        precondition(columns.lowerBound >= 0 && columns.upperBound <= width)
        let first = columns.lowerBound
        let alpha = unsafe cresample_split_rgba(
            row + first * 4, columns.count, plane(0) + first, plane(1) + first, plane(2) + first, plane(3) + first)
        return alpha == 255
    }

    /// Lays what was split last over black and over white, blended as browsers do: in sRGB's own values.
    func composite(columns: Range<Int>) {
        precondition(columns.lowerBound >= 0 && columns.upperBound <= width)
        let first = columns.lowerBound
        for channel in 0..<3 {
            unsafe cresample_composite(
                plane(channel) + first, plane(3) + first, columns.count, plane(4 + channel) + first,
                plane(7 + channel) + first)
        }
    }
}
