/// What the gate has to know of a PNG's chunks beside what libpng tells (W3C PNG, section 5.3). The pixels are libpng's
/// business, and so are checksums.
struct PNGChunks {
    /// The whole EXIF data, empty where there are none.
    private(set) var exif: [UInt8] = []
    /// Whether there is any chunk of an animation, in its right place or not.
    private(set) var isAnimated = false
    let width: Int
    let height: Int

    private static let headerType = type("IHDR")
    private static let animationTypes = [type("acTL"), type("fcTL"), type("fdAT")]
    private static let exifType = type("eXIf")
    private static let endType = type("IEND")

    private static func type(_ name: String) -> UInt32 { name.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

    /// Reads the chunks up to the image's end, or to the file's end where it is truncated.
    init(_ file: RawSpan) throws(DecodingError) {
        // Signature (8), and the header chunk: length, type, width, height, …
        guard file.byteCount >= 33, Self.unsigned32(file, at: 12) == Self.headerType else {
            throw .corrupt("PNG: no header")
        }
        width = Int(Self.unsigned32(file, at: 16))
        height = Int(Self.unsigned32(file, at: 20))
        var offset = 8
        while file.byteCount - offset >= 12 {
            let length = Int(Self.unsigned32(file, at: offset))
            let type = Self.unsigned32(file, at: offset + 4)
            guard length <= file.byteCount - offset - 12, type != Self.endType else { break }
            if Self.animationTypes.contains(type) { isAnimated = true }
            if type == Self.exifType, exif.isEmpty, length <= 65_536 {
                exif = (offset + 8..<offset + 8 + length).map { Self.byte(file, at: $0) }
            }
            offset += 12 + length
        }
    }

    private static func byte(_ file: RawSpan, at offset: Int) -> UInt8 {
        // Safe: every bit pattern is a byte, and the offset is checked by the span.
        unsafe file.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    private static func unsigned32(_ file: RawSpan, at offset: Int) -> UInt32 {
        // Safe: every bit pattern is an integer, and the offset is checked by the span.
        unsafe file.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian
    }
}
