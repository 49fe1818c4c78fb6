/// BMP, by our own code: the format is a header and plain rows, and Debian's libraries for it either are whole imaging
/// suites or none that distributions keep.
enum BitmapDecoder {
    private static let fileHeaderBytes = 14

    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        guard let announced = file.littleEndian32(at: 10) else { throw .corrupt("BMP: no header") }
        let stated = announced == 0 ? nil : Int(announced)
        let header = try BitmapHeader(file, at: fileHeaderBytes, pixels: stated)
        try limits.check(width: header.width, height: header.height)
        let start = stated ?? header.end
        guard start >= header.end else { throw .corrupt("BMP: pixels inside the header") }
        switch header.compression {
        case .none:
            // The closure's error type has to be spelt out for typed throws to pass through.
            try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
                let pixels = try unsafe BitmapPixels(header, bytes, start: start)
                _ = try show(header, pixels, index: 0, framesTotal: 1, to: visitor)
            }
        case .runLengths:
            let frame = FrameHeader(width: header.width, height: header.height, hasAlpha: true)
            guard visitor.beginFrame(frame) else { return }
            var pixels = try BitmapRunLengths(header, limits: limits)
            try pixels.decode(file, from: start)
            for line in 0..<header.height {
                unsafe visitor.visitRow(UnsafeBufferPointer(start: pixels.row(line), count: header.width * 4).span)
            }
            _ = visitor.endFrame()
        }
    }

    /// Shows a bitmap as a frame of its file. Whether the visitor wants more.
    static func show(
        _ header: BitmapHeader, _ pixels: BitmapPixels, index: Int, framesTotal: Int, to visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        let frame = FrameHeader(
            width: header.width, height: header.height, hasAlpha: pixels.channels == 4, index: index,
            framesTotal: framesTotal)
        guard visitor.beginFrame(frame) else { return true }
        let memory = try PixelMemory(count: header.width * frame.channels)
        let row = unsafe memory.pointer(count: memory.count)
        for line in 0..<header.height {
            unsafe pixels.write(line: line, to: row)
            unsafe visitor.visitRow(UnsafeBufferPointer(start: row, count: memory.count).span)
        }
        return visitor.endFrame()
    }
}
