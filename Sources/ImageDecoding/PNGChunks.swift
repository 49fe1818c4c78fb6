/// What the gate has to know of a PNG's chunks beside what libpng tells (W3C PNG, section 5.3). The pixels are libpng's
/// business, and so are the checksums of what it reads.
struct PNGChunks {
    /// One chunk: 4 bytes of length, 4 of type, the data, 4 of checksum.
    struct Chunk {
        var type: UInt32
        /// Where in the file its data are.
        var data: Range<Int>
        /// Where in the file all of it is.
        var whole: Range<Int> { data.lowerBound - 8..<data.upperBound + 4 }
    }

    /// The whole EXIF data, empty where there are none.
    private(set) var exif: [UInt8] = []
    /// Whether there is any chunk of an animation, in its right place or not.
    private(set) var isAnimated = false
    let isInterlaced: Bool
    let width: Int
    let height: Int

    static let signatureBytes = 8
    private static let headerType = type("IHDR")
    private static let animationTypes = [type("acTL"), type("fcTL"), type("fdAT")]
    private static let exifType = type("eXIf")
    private static let endType = type("IEND")

    static func type(_ name: String) -> UInt32 { name.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

    /// Reads the chunks up to the image's end, or to the file's end where it is truncated.
    init(_ file: RawSpan) throws(DecodingError) {
        guard let header = Self.chunk(file, at: Self.signatureBytes), header.type == Self.headerType,
            let width = file.bigEndian32(at: header.data.lowerBound),
            let height = file.bigEndian32(at: header.data.lowerBound + 4),
            let interlacing = file.byte(at: header.data.lowerBound + 12), header.data.count == 13
        else { throw .corrupt("PNG: no header") }
        isInterlaced = interlacing != 0
        self.width = Int(width)
        self.height = Int(height)
        var offset = header.whole.upperBound
        while let chunk = Self.chunk(file, at: offset), chunk.type != Self.endType {
            if Self.animationTypes.contains(chunk.type) { isAnimated = true }
            if chunk.type == Self.exifType, exif.isEmpty, chunk.data.count <= 65_536 {
                exif = chunk.data.compactMap { file.byte(at: $0).map { UInt8(truncatingIfNeeded: $0) } }
            }
            offset = chunk.whole.upperBound
        }
    }

    /// The chunk at `offset`; nil where it is not whole.
    static func chunk(_ file: RawSpan, at offset: Int) -> Chunk? {
        guard let length = file.bigEndian32(at: offset), let type = file.bigEndian32(at: offset + 4),
            Int(length) <= file.byteCount - offset - 12
        else { return nil }
        return Chunk(type: type, data: offset + 8..<offset + 8 + Int(length))
    }
}
