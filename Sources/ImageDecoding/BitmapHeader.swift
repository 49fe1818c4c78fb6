/// What a device-independent bitmap says of itself before its pixels: all versions of Windows' header and OS/2's
/// (BITMAPCOREHEADER to BITMAPV5HEADER).
struct BitmapHeader {
    enum Compression {
        case none
        case runLengths
    }

    var width: Int
    /// Rows, whichever way they are stored.
    var height: Int
    /// Whether the first stored row is the top one.
    var isTopDown: Bool
    var bitsPerPixel: Int
    var compression = Compression.none
    /// Of 16 and 32 bits: where in a pixel red, green, blue and alpha are; alpha's is empty where there is none.
    var masks: [BitmapMask] = []
    /// Of 1 to 8 bits: RGB.
    var palette: [UInt8] = []
    /// Where in the file the pixels begin if the file does not say so: after the palette.
    var end: Int

    /// Bytes of a stored row, which is padded to whole 32 bits.
    var rowBytes: Int { (width * bitsPerPixel + 31) / 32 * 4 }

    /// - Parameters:
    ///   - start: where in `file` the header begins.
    ///   - pixels: where in `file` the pixels begin, if that is known: a palette ends there at the latest.
    init(_ file: RawSpan, at start: Int, pixels: Int? = nil) throws(DecodingError) {
        guard let size = file.littleEndian32(at: start), size == 12 || (16...124).contains(size),
            Int(size) <= file.byteCount - start
        else { throw .corrupt("BMP: no header of a known size") }
        let isCore = size == 12
        let fields = isCore ? Self.coreSize(file, at: start) : Self.size(file, at: start)
        guard let (width, height, bits) = fields else { throw .corrupt("BMP: the header is truncated") }
        self.width = width
        self.height = abs(height)
        isTopDown = height < 0
        bitsPerPixel = bits
        end = start + Int(size)
        guard [1, 2, 4, 8, 16, 24, 32].contains(bits) else { throw .corrupt("BMP: \(bits) bits per pixel") }
        /// A field of the header, 0 where this version of it does not have it.
        func field(_ offset: Int) -> UInt32 { offset + 4 <= size ? file.littleEndian32(at: start + offset) ?? 0 : 0 }
        let code = isCore ? 0 : field(16)
        try readCompression(code, isOS2: size < 40 || size == 48 || size == 64)
        if bits == 16 || bits == 32 {
            try readMasks(file, code: code, start: start, size: Int(size))
        } else if bits <= 8 {
            try readPalette(
                file, entryBytes: isCore ? 3 : 4, announced: isCore ? 0 : Int(field(32)), limit: pixels)
        }
    }

    private static func coreSize(_ file: RawSpan, at start: Int) -> (width: Int, height: Int, bits: Int)? {
        guard let width = file.littleEndian16(at: start + 4), let height = file.littleEndian16(at: start + 6),
            let bits = file.littleEndian16(at: start + 10)
        else { return nil }
        return (width, height, bits)
    }

    private static func size(_ file: RawSpan, at start: Int) -> (width: Int, height: Int, bits: Int)? {
        guard let width = file.littleEndian32(at: start + 4), let height = file.littleEndian32(at: start + 8),
            let bits = file.littleEndian16(at: start + 14)
        else { return nil }
        return (Int(Int32(bitPattern: width)), Int(Int32(bitPattern: height)), bits)
    }

    /// Codes that no browser shows (JPEG and PNG inside, which are for printers; OS/2's own) are refused.
    private mutating func readCompression(_ code: UInt32, isOS2: Bool) throws(DecodingError) {
        switch (code, bitsPerPixel) {
        case (0, _): compression = .none
        case (1, 8), (2, 4): compression = .runLengths
        case (3, 16), (3, 32), (6, 16), (6, 32):
            guard !isOS2 else { throw .corrupt("BMP: compression \(code)") }
            compression = .none
        default: throw .corrupt("BMP: compression \(code) of \(bitsPerPixel) bits")
        }
        guard compression == .none || !isTopDown else { throw .corrupt("BMP: run lengths from the top") }
    }

    private mutating func readMasks(
        _ file: RawSpan, code: UInt32, start: Int, size: Int
    ) throws(DecodingError) {
        var values: [UInt32] =
            bitsPerPixel == 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0x00ff_0000, 0x0000_ff00, 0x0000_00ff, 0xff00_0000]
        if code != 0 {
            // In the header from its second version on, after it before; alpha's came last.
            let isInside = size >= 52
            let hasAlpha = isInside ? size >= 56 : code == 6
            let count = hasAlpha ? 4 : 3
            values = []
            for index in 0..<count {
                guard let value = file.littleEndian32(at: start + 40 + index * 4) else {
                    throw .corrupt("BMP: the header is truncated")
                }
                values.append(value)
            }
            if !hasAlpha { values.append(0) }
            if !isInside { end += count * 4 }
        }
        masks = try values.map { value throws(DecodingError) in
            guard let mask = BitmapMask(value), bitsPerPixel == 32 || value <= 0xffff else {
                throw .corrupt("BMP: bit masks with gaps, or beyond a pixel")
            }
            return mask
        }
    }

    private mutating func readPalette(
        _ file: RawSpan, entryBytes: Int, announced: Int, limit: Int?
    ) throws(DecodingError) {
        var count = announced == 0 ? 1 << bitsPerPixel : min(announced, 256)
        // Some writers leave out what they do not use.
        if let limit, limit >= end { count = min(count, (limit - end) / entryBytes) }
        for index in 0..<count {
            let entry = end + index * entryBytes
            guard let blue = file.byte(at: entry), let green = file.byte(at: entry + 1),
                let red = file.byte(at: entry + 2)
            else { throw .corrupt("BMP: the palette is truncated") }
            palette += [red, green, blue].map { UInt8(truncatingIfNeeded: $0) }
        }
        end += count * entryBytes
        // What is beyond the palette is black.
        palette += [UInt8](repeating: 0, count: 768 - palette.count)
    }
}
