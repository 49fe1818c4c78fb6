/// JPEG XL, by libjxl without its threads: bare codestreams and containers, lossy and lossless, recompressed JPEGs, with
/// alpha and animated; turned as the file says. Lossy pictures come in sRGB; lossless ones in the colour space that they
/// were made in, whose profile is not applied. Pictures of printing inks are refused.
enum JPEGXLDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            var reader = try JPEGXLReader()
            let (header, frames) = try unsafe reader.survey(bytes, limits: limits)
            // The library ends the process where it gets no memory, so what it may need is counted before: all samples at
            // 4 bytes each, and the result.
            let needed = header.width * header.height * (header.samples * 4 + (header.hasAlpha ? 4 : 3))
            guard needed <= limits.maximumWorkingBytes else {
                throw .limitExceeded("decoding the JPEG XL may need \(needed) bytes")
            }
            var ended = false
            try unsafe reader.decode(bytes, header) {
                (index: Int, pixels: UnsafePointer<UInt8>) throws(DecodingError) in
                // Frames that were not counted are not shown either.
                guard index < frames else { throw .corrupt("JPEG XL: contradictory frames") }
                let frame = FrameHeader(
                    width: header.width, height: header.height, hasAlpha: header.hasAlpha, index: index,
                    framesTotal: frames)
                guard visitor.beginFrame(frame) else { return true }
                ended = unsafe !visitor.show(frame, at: pixels, stride: header.width * frame.channels)
                return !ended
            }
        }
    }
}
