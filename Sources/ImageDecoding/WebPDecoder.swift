/// WebP, by libwebp: lossy and lossless, with and without alpha, still or animated.
enum WebPDecoder {
    /// What the library keeps of a lossless picture while it decodes, in bytes per pixel; of a lossy one it is less.
    private static let internalBytesPerPixel = 4

    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let reader = try unsafe WebPReader(bytes)
            try limits.check(width: reader.width, height: reader.height)
            let orientations = EXIFReader.orientations(someApply: [reader.exif])
            if reader.isAnimated {
                try play(reader, orientations, limits: limits, visitor: visitor)
            } else {
                try decodeStill(reader, orientations, limits: limits, visitor: visitor)
            }
        }
    }

    private static func decodeStill(
        _ reader: borrowing WebPReader, _ orientations: [Orientation], limits: DecodeLimits,
        visitor: any FrameVisitor
    ) throws(DecodingError) {
        guard let frame = reader.frame(0) else { throw .corrupt("WebP: no whole picture") }
        let (width, height) = (frame.rectangle.width, frame.rectangle.height)
        try limits.check(width: width, height: height)
        let channels = try reader.channels(of: frame)
        let header = FrameHeader(width: width, height: height, hasAlpha: channels == 4, orientations: orientations)
        guard visitor.beginFrame(header) else { return }
        try limits.checkMemory(bytes: width * height * (channels + internalBytesPerPixel), for: "WebP")
        let pixels = try PixelMemory(count: width * height * channels)
        try reader.decode(frame, channels: channels, into: pixels)
        let rowBytes = width * channels
        for index in 0..<height {
            let row = unsafe pixels.pointer(at: index * rowBytes, count: rowBytes)
            unsafe visitor.visitRow(UnsafeBufferPointer(start: row, count: rowBytes).span)
        }
        _ = visitor.endFrame()
    }

    private static func play(
        _ reader: borrowing WebPReader, _ orientations: [Orientation], limits: DecodeLimits,
        visitor: any FrameVisitor
    ) throws(DecodingError) {
        let (width, height, count) = (reader.width, reader.height, reader.frameCount)
        let largest = try survey(reader, limits: limits)
        var canvas = try AnimationCanvas(width: width, height: height)
        let pixels = try PixelMemory(count: largest * 4)
        for index in 0..<count {
            guard let frame = reader.frame(index) else { throw .corrupt("WebP: frame \(index) is missing") }
            let part = frame.rectangle
            let channels = try reader.channels(of: frame)
            try canvas.beginFrame(part, disposal: frame.disposal)
            try reader.decode(frame, channels: channels, into: pixels)
            for line in 0..<part.height {
                let rowBytes = part.width * channels
                let row = unsafe pixels.pointer(at: line * rowBytes, count: rowBytes)
                if frame.isBlended, channels == 4 {
                    unsafe canvas.blendRow(part.left, part.top + line, with: row, count: part.width)
                } else {
                    unsafe canvas.replaceRow(
                        part.left, part.top + line, with: row, count: part.width, channels: channels)
                }
            }
            let header = FrameHeader(
                width: width, height: height, hasAlpha: true, orientations: orientations, index: index,
                framesTotal: count)
            guard canvas.show(header, to: visitor) else { return }
        }
    }

    /// Checks all frames' headers. The pixels of the largest one.
    private static func survey(
        _ reader: borrowing WebPReader, limits: DecodeLimits
    ) throws(DecodingError) -> Int {
        guard reader.frameCount > 0 else { throw .corrupt("WebP: no frame") }
        guard reader.frameCount <= limits.maximumFrames else {
            throw .limitExceeded("\(reader.frameCount) frames; at most \(limits.maximumFrames) can be checked")
        }
        var (changedPixels, largest) = (0, 0)
        for index in 0..<reader.frameCount {
            guard let part = reader.frame(index)?.rectangle else {
                throw .corrupt("WebP: frame \(index) is missing")
            }
            try limits.check(width: part.width, height: part.height)
            changedPixels += part.width * part.height
            largest = max(largest, part.width * part.height)
        }
        try limits.checkAnimation(
            width: reader.width, height: reader.height, frames: reader.frameCount, changedPixels: changedPixels)
        let canvas = AnimationCanvas.bytes(width: reader.width, height: reader.height)
        try limits.checkMemory(bytes: canvas + largest * (4 + internalBytesPerPixel), for: "WebP")
        return largest
    }
}
