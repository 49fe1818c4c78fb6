/// Windows icons and cursors: a directory of pictures, each a PNG or a bitmap with a mask, of which viewers choose one.
/// Every one is a frame.
enum IconDecoder {
    /// All of them are looked at, so that there may be no more than are looked at of a file. Real icons have about ten.
    static let maximumPictures = FrameSelection.maximumCount

    private enum Picture {
        case png(PNGChunks)
        case bitmap(BitmapHeader)

        var width: Int {
            switch self {
            case .png(let chunks): chunks.width
            case .bitmap(let header): header.width
            }
        }

        var height: Int {
            switch self {
            case .png(let chunks): chunks.height
            case .bitmap(let header): header.height
            }
        }
    }

    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        let places = try directory(file)
        var pictures: [Picture] = []
        var totalPixels = 0
        for place in places {
            let picture = try readHeader(file.extracting(place))
            try limits.check(width: picture.width, height: picture.height)
            totalPixels += picture.width * picture.height
            pictures.append(picture)
        }
        guard totalPixels <= limits.maximumPixelsTotal else {
            throw .limitExceeded(
                "\(pictures.count) pictures of \(totalPixels) pixels; at most \(limits.maximumPixelsTotal) can be checked"
            )
        }
        for (index, picture) in pictures.enumerated() {
            let content = file.extracting(places[index])
            let goesOn =
                switch picture {
                case .png(let chunks):
                    try PNGDecoder.decodePicture(
                        content, chunks, index: index, framesTotal: pictures.count, limits: limits, visitor: visitor)
                case .bitmap(let header):
                    try show(header, content, index: index, framesTotal: pictures.count, visitor: visitor)
                }
            guard goesOn else { return }
        }
    }

    /// Where in the file the pictures are.
    private static func directory(_ file: RawSpan) throws(DecodingError) -> [Range<Int>] {
        guard let count = file.littleEndian16(at: 4), count > 0 else { throw .corrupt("icon: no pictures") }
        guard count <= maximumPictures else {
            throw .limitExceeded("\(count) pictures in an icon; at most \(maximumPictures) can be checked")
        }
        var places: [Range<Int>] = []
        for index in 0..<count {
            let entry = 6 + index * 16
            guard let size = file.littleEndian32(at: entry + 8), let offset = file.littleEndian32(at: entry + 12),
                Int(offset) + Int(size) <= file.byteCount
            else { throw .corrupt("icon: picture \(index) is truncated") }
            places.append(Int(offset)..<Int(offset) + Int(size))
        }
        return places
    }

    private static func readHeader(_ content: RawSpan) throws(DecodingError) -> Picture {
        if content.bigEndian32(at: 0) == 0x8950_4e47, content.bigEndian32(at: 4) == 0x0d0a_1a0a {
            let chunks = try PNGChunks(content)
            // No writer makes one, and viewers differ in which of its pictures they show.
            guard !chunks.isAnimated else { throw .corrupt("icon: an animation inside") }
            return .png(chunks)
        }
        var header = try BitmapHeader(content, at: 0)
        guard header.compression == .none else { throw .corrupt("icon: a compressed bitmap") }
        // The header counts the rows of the picture and those of the mask.
        header.height /= 2
        return .bitmap(header)
    }

    private static func show(
        _ header: BitmapHeader, _ content: RawSpan, index: Int, framesTotal: Int, visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe content.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let pixels = try unsafe BitmapPixels(header, bytes, start: header.end, isIcon: true)
            return try BitmapDecoder.show(header, pixels, index: index, framesTotal: framesTotal, to: visitor)
        }
    }
}
