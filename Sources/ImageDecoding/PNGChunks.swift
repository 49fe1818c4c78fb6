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

    /// The EXIF data of each chunk that has some, right or wrong its checksum: viewers differ in which they take.
    private(set) var exif: [[UInt8]] = []
    private static let maximumEXIFChunks = 8
    private var colours = Colours()
    /// Whether a chunk that libpng does not know says what the values mean, so that gAMA does not.
    var overridesGamma: Bool { colours.hasCodePoints }
    /// Whether any chunk does, be it none that is applied.
    var hasColourSpace: Bool { colours.hasProfile || colours.hasCodePoints }
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
            try colours.note(chunk, file)
            if Self.animationTypes.contains(chunk.type) { isAnimated = true }
            if chunk.type == Self.exifType, chunk.data.count <= 65_536 {
                guard exif.count < Self.maximumEXIFChunks else { throw .corrupt("PNG: too many EXIF chunks") }
                exif.append(chunk.data.compactMap { file.byte(at: $0).map { UInt8(truncatingIfNeeded: $0) } })
            }
            offset = chunk.whole.upperBound
        }
        try colours.check()
    }

    /// The chunk at `offset`; nil where it is not whole.
    static func chunk(_ file: RawSpan, at offset: Int) -> Chunk? {
        guard let length = file.bigEndian32(at: offset), let type = file.bigEndian32(at: offset + 4),
            Int(length) <= file.byteCount - offset - 12
        else { return nil }
        return Chunk(type: type, data: offset + 8..<offset + 8 + Int(length))
    }
}

extension PNGChunks {
    /// What the chunks say of the colours. Where they contradict one another, browsers differ in whom they believe.
    private struct Colours {
        private static let (gamma, primaries) = (type("gAMA"), type("cHRM"))
        private static let (standard, profile, codePoints) = (type("sRGB"), type("iCCP"), type("cICP"))
        private static let (palette, data) = (type("PLTE"), type("IDAT"))
        /// White, red, green and blue of sRGB in units of 1/100,000.
        private static let standardPrimaries = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]
        /// Those of photographs (Adobe RGB, Display P3) are nearer than this.
        private static let nearEnough = 12_000

        private(set) var hasCodePoints = false
        private var hasGamma = false
        private var isLate = false
        private var isContradictory = false
        private(set) var hasProfile = false
        private var hasForeignPrimaries = false
        private var hasForeignCurve = false

        mutating func note(_ chunk: Chunk, _ file: RawSpan) throws(DecodingError) {
            switch chunk.type {
            case Self.palette, Self.data: isLate = true
            case Self.gamma:
                if isLate || hasGamma || chunk.data.count != 4 { isContradictory = true }
                hasGamma = true
            case Self.standard:
                let intent = file.byte(at: chunk.data.lowerBound) ?? 255
                if chunk.data.count != 1 || intent > 3 || isLate { isContradictory = true }
                hasProfile = true
            case Self.profile: hasProfile = true
            case Self.codePoints: noteCodePoints(chunk, file)
            case Self.primaries:
                let values = (0..<8).map { file.bigEndian32(at: chunk.data.lowerBound + 4 * $0).map { Int($0) } ?? 0 }
                hasForeignPrimaries = zip(values, Self.standardPrimaries).contains { abs($0 - $1) > Self.nearEnough }
            default: break
            }
        }

        /// Those of sRGB and of Display P3, with the curve of sRGB or BT.709, are seen as what they are (ITU-T H.273).
        private mutating func noteCodePoints(_ chunk: Chunk, _ file: RawSpan) {
            guard chunk.data.count == 4, !isLate, !hasCodePoints else {
                // Browsers pass over it, and may take gamma then.
                isContradictory = true
                return
            }
            hasCodePoints = true
            let values = chunk.data.map { file.byte(at: $0) ?? 0 }
            hasForeignCurve = ![1, 12].contains(values[0]) || ![1, 13].contains(values[1]) || values[2] != 0
        }

        func check() throws(DecodingError) {
            if hasForeignCurve { throw .corrupt("PNG: colours (cICP) far from those of sRGB") }
            if hasGamma, isContradictory { throw .corrupt("PNG: gamma that is out of place or contradicted") }
            if hasForeignPrimaries, !hasProfile, !hasCodePoints {
                throw .corrupt("PNG: primaries (cHRM) far from those of sRGB")
            }
        }
    }
}
