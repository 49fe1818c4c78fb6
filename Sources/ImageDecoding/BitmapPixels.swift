/// The pixels of a bitmap that are stored row by row, as rows of RGB or RGB and alpha. Every row is checked to be inside
/// the file at the beginning.
@safe struct BitmapPixels {
    private let header: BitmapHeader
    private let bytes: UnsafeRawBufferPointer
    private let start: Int
    /// Where an icon's mask begins: one bit per pixel, set where the picture is transparent.
    private let maskStart: Int?
    /// Whether the pixels' own alpha counts. Viewers ignore it where it is 0 throughout.
    private let hasOwnAlpha: Bool

    var channels: Int { hasOwnAlpha || maskStart != nil ? 4 : 3 }

    /// - Parameters:
    ///   - bytes: the file, which must outlive this value.
    ///   - start: where the pixels begin.
    ///   - isIcon: whether a mask follows, which may be missing only where the pixels have alpha.
    init(
        _ header: BitmapHeader, _ bytes: UnsafeRawBufferPointer, start: Int, isIcon: Bool = false
    ) throws(DecodingError) {
        let used = (header.width * header.bitsPerPixel + 7) / 8
        let end = start + header.rowBytes * (header.height - 1) + used
        guard start >= header.end, end <= bytes.count else {
            throw .corrupt("BMP: the pixels are truncated")
        }
        self.header = header
        unsafe self.bytes = bytes
        self.start = start
        hasOwnAlpha = unsafe Self.hasAlpha(header, bytes, start: start)
        maskStart =
            isIcon && !hasOwnAlpha ? try unsafe Self.mask(header, bytes, start: start) : nil
    }

    private static func mask(
        _ header: BitmapHeader, _ bytes: UnsafeRawBufferPointer, start: Int
    ) throws(DecodingError) -> Int {
        let maskStart = start + header.rowBytes * header.height
        let end = maskStart + maskRowBytes(header) * (header.height - 1) + (header.width + 7) / 8
        guard end <= bytes.count else { throw .corrupt("icon: the mask is truncated") }
        return maskStart
    }

    private static func maskRowBytes(_ header: BitmapHeader) -> Int { (header.width + 31) / 32 * 4 }

    private static func hasAlpha(_ header: BitmapHeader, _ bytes: UnsafeRawBufferPointer, start: Int) -> Bool {
        guard header.masks.count == 4, !header.masks[3].isEmpty else { return false }
        let pixelBytes = header.bitsPerPixel / 8
        for row in 0..<header.height {
            for column in 0..<header.width {
                let offset = start + row * header.rowBytes + column * pixelBytes
                if unsafe header.masks[3].value(in: load(bytes, offset, bytes: pixelBytes)) != 0 { return true }
            }
        }
        return false
    }

    @inline(__always)
    private static func load(_ bytes: UnsafeRawBufferPointer, _ offset: Int, bytes count: Int) -> UInt32 {
        count == 4
            ? unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
            : unsafe UInt32(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian)
    }

    /// Writes row `line`, from the picture's top, to `row`, which has room for width × channels bytes.
    func write(line: Int, to row: UnsafeMutablePointer<UInt8>) {
        precondition(line >= 0 && line < header.height)
        let stored = header.isTopDown ? line : header.height - 1 - line
        let offset = start + stored * header.rowBytes
        switch header.bitsPerPixel {
        case 24: unsafe writeTrueColour(from: offset, to: row)
        case 16, 32: unsafe writeMasked(from: offset, to: row)
        default: unsafe writeIndexed(from: offset, to: row)
        }
        guard let maskStart else { return }
        let maskRow = maskStart + stored * Self.maskRowBytes(header)
        for column in 0..<header.width {
            let byte = unsafe bytes[maskRow + column / 8]
            unsafe row[column * 4 + 3] = byte >> UInt8(7 - column % 8) & 1 == 1 ? 0 : 255
        }
    }

    private func writeTrueColour(from offset: Int, to row: UnsafeMutablePointer<UInt8>) {
        for column in 0..<header.width {
            let (source, target) = (offset + column * 3, column * channels)
            for channel in 0..<3 { unsafe row[target + channel] = bytes[source + 2 - channel] }
        }
    }

    private func writeMasked(from offset: Int, to row: UnsafeMutablePointer<UInt8>) {
        let pixelBytes = header.bitsPerPixel / 8
        let (red, green, blue, alpha) = (header.masks[0], header.masks[1], header.masks[2], header.masks[3])
        for column in 0..<header.width {
            let pixel = unsafe Self.load(bytes, offset + column * pixelBytes, bytes: pixelBytes)
            let target = column * channels
            unsafe row[target] = red.value(in: pixel)
            unsafe row[target + 1] = green.value(in: pixel)
            unsafe row[target + 2] = blue.value(in: pixel)
            if hasOwnAlpha { unsafe row[target + 3] = alpha.value(in: pixel) }
        }
    }

    private func writeIndexed(from offset: Int, to row: UnsafeMutablePointer<UInt8>) {
        let bits = header.bitsPerPixel
        for column in 0..<header.width {
            let byte = unsafe Int(bytes[offset + column * bits / 8])
            let index = byte >> (8 - bits - column * bits % 8) & (1 << bits - 1)
            for channel in 0..<3 { unsafe row[column * channels + channel] = header.palette[index * 3 + channel] }
        }
    }
}
