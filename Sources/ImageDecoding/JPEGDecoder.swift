/// JPEG, by libjpeg-turbo: baseline, progressive and arithmetic; grey, RGB, YCbCr, CMYK and YCCK.
enum JPEGDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            try unsafe decode(bytes, limits: limits, visitor: visitor)
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        let reader = try JPEGReader()
        let header = try unsafe reader.readHeader(bytes)
        let (width, height) = (header.width, header.height)
        // Progressive pictures and others of several scans are held whole, as coefficients: 3 bytes a pixel where colours are
        // halved both ways, 6 where they are not. The limit of the working memory is theirs, kept by libjpeg itself.
        try limits.checkStreamed(width: width, height: height)
        let frame = FrameHeader(width: width, height: height, hasAlpha: false, orientations: header.orientations)
        guard visitor.beginFrame(frame) else { return }
        try reader.start(limits: limits, pixels: width * height)
        let isCMYK = header.channels == 4
        let memory = try PixelMemory(count: width * 4)
        let row = unsafe memory.pointer(count: memory.count)
        for _ in 0..<height {
            try unsafe reader.readRow(into: row)
            if isCMYK { unsafe convertInvertedCMYK(row, count: width) }
            unsafe visitor.visitRow(UnsafeBufferPointer(start: row, count: width * 3).span)
        }
        try reader.finish()
        _ = visitor.endFrame()
    }

    /// CMYK to RGB in place, without a colour profile. Adobe's programs store the inks inverted (0 is full ink), and
    /// browsers take every CMYK JPEG so, with Adobe's marker or without it. Rounds as Pillow does.
    private static func convertInvertedCMYK(_ row: UnsafeMutablePointer<UInt8>, count: Int) {
        for index in 0..<count {
            let source = index * 4
            let target = index * 3
            // In bounds: the row holds `count` pixels of 4 bytes, and the target is never ahead of the source.
            let black = unsafe Int32(row[source + 3])
            for channel in 0..<3 {
                let product = unsafe (255 - Int32(row[source + channel])) * black + 128
                unsafe row[target + channel] = UInt8(truncatingIfNeeded: black - (product >> 8 + product) >> 8)
            }
        }
    }
}
