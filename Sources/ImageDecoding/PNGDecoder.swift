internal import CPNG

/// PNG, by libpng: every colour type and depth, interlaced or not; and animated PNG, which libpng does not know: each
/// frame is handed to it as a PNG of its own.
enum PNGDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        let chunks = try PNGChunks(file)
        guard chunks.isAnimated else {
            if chunks.isInterlaced {
                try limits.check(width: chunks.width, height: chunks.height)
            } else {
                try limits.checkStreamed(width: chunks.width, height: chunks.height)
            }
            _ = try decodePicture(file, chunks, limits: limits, visitor: visitor)
            return
        }
        try limits.check(width: chunks.width, height: chunks.height)
        let animation: PNGAnimation
        do {
            animation = try PNGAnimation(file, chunks, limits: limits)
            try check(animation, chunks, limits: limits)
        } catch {
            // Viewers still show the default picture, which is reason enough to refuse the file, and a better one.
            guard try decodePicture(file, chunks, limits: limits, visitor: visitor) else { return }
            throw error
        }
        try play(animation, file, chunks, limits: limits, visitor: visitor)
    }

    private static func check(
        _ animation: PNGAnimation, _ chunks: PNGChunks, limits: DecodeLimits
    ) throws(DecodingError) {
        let areas = animation.frames.map { $0.rectangle.width * $0.rectangle.height }
        try limits.checkAnimation(
            width: chunks.width, height: chunks.height, frames: animation.framesTotal,
            changedPixels: areas.reduce(chunks.width * chunks.height, +))
        // The canvas, what it has to remember, and a frame that is decoded whole because it is interlaced.
        let canvas = AnimationCanvas.bytes(width: chunks.width, height: chunks.height)
        let hasRestored = animation.frames.contains { $0.disposal == .restore }
        let frame = AnimationCanvas.bytes(width: areas.max() ?? 0, height: 1)
        try limits.checkMemory(bytes: canvas * (hasRestored ? 2 : 1) + frame, for: "PNG")
    }

    /// Shows the picture that viewers without animation show, as the first of `framesTotal` frames, row by row. Whether
    /// the visitor wants more.
    static func decodePicture(
        _ file: RawSpan, _ chunks: PNGChunks, index: Int = 0, framesTotal: Int = 1, limits: DecodeLimits,
        visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let reader = try PNGReader()
            let header = try unsafe reader.readHeader(bytes, ignoresGamma: chunks.overridesGamma)
            guard header.width == chunks.width, header.height == chunks.height else {
                throw .corrupt("PNG: contradictory headers")
            }
            let frame = FrameHeader(
                width: chunks.width, height: chunks.height, hasAlpha: header.channels == 4,
                orientations: EXIFReader.orientations(someApply: chunks.exif), index: index, framesTotal: framesTotal)
            guard visitor.beginFrame(frame) else { return true }
            let rowBytes = chunks.width * frame.channels
            try unsafe decodeRows(reader, header, limits: limits) { row, _ in
                unsafe visitor.visitRow(UnsafeBufferPointer(start: row, count: rowBytes).span)
            }
            return visitor.endFrame()
        }
    }

    /// Gives `body` each row of the picture whose header was just read, from the top, with its number.
    private static func decodeRows(
        _ reader: borrowing PNGReader, _ header: cpng_header, limits: DecodeLimits,
        _ body: (UnsafePointer<UInt8>, _ line: Int) -> Void
    ) throws(DecodingError) {
        guard header.channels == 3 || header.channels == 4 else { throw .corrupt("PNG: contradictory headers") }
        let (height, rowBytes) = (Int(header.height), Int(header.width) * Int(header.channels))
        let rowCount = header.is_interlaced ? height : 1
        try limits.checkMemory(bytes: rowBytes * rowCount, for: "PNG")
        let memory = try PixelMemory(count: rowBytes * rowCount)
        let pixels = unsafe memory.pointer(count: memory.count)
        if header.is_interlaced { try unsafe reader.readImage(into: pixels) }
        for line in 0..<height {
            if !header.is_interlaced { try unsafe reader.readRow(into: pixels) }
            unsafe body(pixels + (header.is_interlaced ? line * rowBytes : 0), line)
        }
        try reader.finish()
    }

    /// Shows the default picture and every frame of the animation.
    private static func play(
        _ animation: PNGAnimation, _ file: RawSpan, _ chunks: PNGChunks, limits: DecodeLimits,
        visitor: any FrameVisitor
    ) throws(DecodingError) {
        let framesTotal = animation.framesTotal
        guard
            try decodePicture(file, chunks, framesTotal: framesTotal, limits: limits, visitor: visitor)
        else { return }
        var canvas = try AnimationCanvas(width: chunks.width, height: chunks.height)
        for (number, frame) in animation.frames.enumerated() {
            try canvas.beginFrame(frame.rectangle, disposal: frame.disposal)
            try draw(frame, of: animation, file, on: canvas, limits: limits)
            // The default picture was shown already.
            if number == 0, animation.hasDefaultPicture { continue }
            let header = FrameHeader(
                width: chunks.width, height: chunks.height, hasAlpha: true,
                orientations: EXIFReader.orientations(someApply: chunks.exif),
                index: number + framesTotal - animation.frames.count, framesTotal: framesTotal)
            guard canvas.show(header, to: visitor) else { return }
        }
    }

    private static func draw(
        _ frame: PNGAnimation.Frame, of animation: PNGAnimation, _ file: RawSpan,
        on canvas: borrowing AnimationCanvas, limits: DecodeLimits
    ) throws(DecodingError) {
        let picture = try animation.picture(of: frame, file, limits: limits)
        let part = frame.rectangle
        let reader = try PNGReader()
        let bytes = unsafe UnsafeRawBufferPointer(start: picture.pointer(count: picture.count), count: picture.count)
        let header = try unsafe reader.readHeader(bytes)
        let channels = Int(header.channels)
        guard header.width == part.width, header.height == part.height else {
            throw .corrupt("PNG: contradictory headers")
        }
        try unsafe decodeRows(reader, header, limits: limits) { row, line in
            if frame.isBlended, channels == 4 {
                unsafe canvas.blendRow(part.left, part.top + line, with: row, count: part.width)
            } else {
                unsafe canvas.replaceRow(
                    part.left, part.top + line, with: row, count: part.width, channels: channels)
            }
        }
    }
}
