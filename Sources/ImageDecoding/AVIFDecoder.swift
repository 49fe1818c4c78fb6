internal import CAVIF

/// AVIF, by libavif and dav1d: pictures, grids and sequences, 8 to 12 bits, turned and mirrored as the file says.
///
/// Matrix and range are applied; colour profiles, wide gamuts and HDR transfer curves are not. EXIF orientation does not
/// count, as in browsers: the format has its own.
enum AVIFDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            try unsafe decode(bytes, limits: limits, visitor: visitor)
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        // A file may hold both a picture and a sequence, and viewers do not agree on which to show: both count. What the
        // library would choose has to be there.
        _ = try unsafe AVIFReader(bytes, source: AVIF_DECODER_SOURCE_AUTO, limits: limits)
        let picture = try? unsafe AVIFReader(bytes, source: AVIF_DECODER_SOURCE_PRIMARY_ITEM, limits: limits)
        let sequence = try? unsafe AVIFReader(bytes, source: AVIF_DECODER_SOURCE_TRACKS, limits: limits)
        let total = (picture?.framesTotal ?? 0) + (sequence?.framesTotal ?? 0)
        var index = 0
        for reader in [picture, sequence].compactMap(\.self) {
            try limits.check(width: reader.width, height: reader.height, frames: total)
            guard try show(reader, from: index, total: total, limits: limits, visitor: visitor) else { return }
            index += reader.framesTotal
        }
    }

    /// Whether the visitor wants more.
    private static func show(
        _ reader: AVIFReader, from first: Int, total: Int, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        let views = reader.views
        for image in 0..<reader.imageCount {
            var pixels: AVIFReader.Pixels?
            for (position, view) in views.enumerated() {
                let header = FrameHeader(
                    width: view.width, height: view.height, hasAlpha: reader.hasAlpha,
                    orientations: [reader.orientation], index: first + image * views.count + position,
                    framesTotal: total)
                guard visitor.beginFrame(header) else { continue }
                let decoded = if let pixels { pixels } else { try reader.decode(image: image, limits: limits) }
                pixels = decoded
                let stride = decoded.stride
                let offset = view.top * stride + view.left * header.channels
                // In bounds: a view lies within the picture.
                let base = unsafe decoded.memory.pointer(at: offset, count: decoded.memory.count - offset)
                guard unsafe visitor.show(header, at: base, stride: stride) else { return false }
            }
        }
        return true
    }
}
