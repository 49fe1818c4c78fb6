/// A bitmap whose pixels are compressed by run lengths (BI_RLE8, BI_RLE4), decoded whole: its rows come from the bottom,
/// and may be left out.
struct BitmapRunLengths: ~Copyable {
    private let header: BitmapHeader
    /// RGB and alpha. What the data leave out stays transparent, as browsers have it, with the palette's first colour,
    /// as others do.
    private let pixels: PixelMemory
    private var column = 0
    /// From the bottom.
    private var line = 0

    init(_ header: BitmapHeader, limits: DecodeLimits) throws(DecodingError) {
        precondition(header.compression == .runLengths && header.palette.count == 768)
        let count = header.width * header.height * 4
        try limits.checkMemory(bytes: count, for: "BMP")
        pixels = try PixelMemory(count: count)
        self.header = header
        let all = unsafe pixels.pointer(count: count)
        for pixel in 0..<header.width * header.height {
            for channel in 0..<3 { unsafe all[pixel * 4 + channel] = header.palette[channel] }
        }
    }

    /// Row `index` from the picture's top, of 4 bytes per pixel. Only valid while this value lives.
    func row(_ index: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe pixels.pointer(at: index * header.width * 4, count: header.width * 4)
    }

    /// Decodes what begins at `start` of `file`.
    mutating func decode(_ file: RawSpan, from start: Int) throws(DecodingError) {
        var offset = start
        while line < header.height {
            guard let count = file.byte(at: offset), let value = file.byte(at: offset + 1) else {
                throw .corrupt("BMP: the run lengths are truncated")
            }
            offset += 2
            switch (count, value) {
            case (0, 0):
                column = 0
                line += 1
            case (0, 1): return
            case (0, 2):
                guard let right = file.byte(at: offset), let up = file.byte(at: offset + 1) else {
                    throw .corrupt("BMP: the run lengths are truncated")
                }
                column += right
                line += up
                offset += 2
            case (0, _):
                offset += try drawLiterals(file, at: offset, count: value)
            default:
                for position in 0..<min(count, room) { draw(index(value, position), position) }
                column += count
            }
        }
    }

    /// Draws `count` indices that are stored as they are, padded to 16 bits. The bytes that they took.
    private mutating func drawLiterals(_ file: RawSpan, at offset: Int, count: Int) throws(DecodingError) -> Int {
        let isWide = header.bitsPerPixel == 8
        let bytes = isWide ? count : (count + 1) / 2
        guard offset + bytes <= file.byteCount else { throw .corrupt("BMP: the run lengths are truncated") }
        for position in 0..<min(count, room) {
            guard let byte = file.byte(at: offset + (isWide ? position : position / 2)) else { continue }
            draw(index(byte, position), position)
        }
        column += count
        return (bytes + 1) / 2 * 2
    }

    /// Pixels from here to the end of the line. What goes beyond is dropped unlooked at, so that a pixel costs time once.
    private var room: Int { max(0, header.width - column) }

    /// The palette index of pixel `position` in a byte: of 4 bits, the upper half comes first.
    private func index(_ byte: Int, _ position: Int) -> Int {
        header.bitsPerPixel == 8 ? byte : position % 2 == 0 ? byte >> 4 : byte & 15
    }

    /// Draws a pixel `position` to the right of here.
    private func draw(_ index: Int, _ position: Int) {
        let pixel = unsafe row(header.height - 1 - line) + (column + position) * 4
        for channel in 0..<3 { unsafe pixel[channel] = header.palette[index * 3 + channel] }
        unsafe pixel[3] = 255
    }
}
