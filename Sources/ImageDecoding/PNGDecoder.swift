internal import CPNG

/// PNG, by libpng: every colour type and depth, interlaced or not.
///
/// An animated PNG is not decoded yet. Its default picture is shown to the visitor, who may find enough in it; when the
/// visitor goes on, the file is refused as unsupported, so that it never passes for having been seen whole.
enum PNGDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        let chunks = try PNGChunks(file)
        try limits.check(width: chunks.width, height: chunks.height)
        // The closure's error type has to be spelt out for typed throws to pass through.
        let goesOn = try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            try unsafe decodePicture(bytes, chunks: chunks, limits: limits, visitor: visitor)
        }
        guard !goesOn || !chunks.isAnimated else {
            throw .unsupported("animated PNG is not decoded by this build")
        }
    }

    /// Whether the visitor wants more.
    private static func decodePicture(
        _ bytes: UnsafeRawBufferPointer, chunks: PNGChunks, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        let reader = try PNGReader()
        let header = try unsafe reader.readHeader(bytes)
        let (width, height, channels) = (Int(header.width), Int(header.height), Int(header.channels))
        guard width == chunks.width, height == chunks.height, channels == 3 || channels == 4 else {
            throw .corrupt("PNG: contradictory headers")
        }
        var orientations = [Orientation.upright]
        // Some viewers turn a PNG by its EXIF data, others do not: either way of seeing it counts.
        if let turned = EXIFReader.orientation(in: chunks.exif), turned != .upright { orientations.append(turned) }
        let frame = FrameHeader(width: width, height: height, hasAlpha: channels == 4, orientations: orientations)
        guard visitor.beginFrame(frame) else { return true }
        let rowBytes = width * channels
        let rowCount = header.is_interlaced ? height : 1
        guard rowBytes * rowCount <= limits.maximumWorkingBytes else {
            throw .limitExceeded("decoding the PNG needs \(rowBytes * rowCount) bytes")
        }
        let memory = try PixelMemory(count: rowBytes * rowCount)
        let pixels = unsafe memory.pointer(count: memory.count)
        if header.is_interlaced { try unsafe reader.readImage(into: pixels) }
        for index in 0..<height {
            if !header.is_interlaced { try unsafe reader.readRow(into: pixels) }
            let row = unsafe pixels + (header.is_interlaced ? index * rowBytes : 0)
            unsafe visitor.visitRow(UnsafeBufferPointer(start: row, count: rowBytes).span)
        }
        try reader.finish()
        return visitor.endFrame()
    }
}
