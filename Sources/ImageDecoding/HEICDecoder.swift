/// HEIC and other HEIF files with HEVC in them, by libheif and libde265: single pictures, grids and overlays, 8 to 12 bits,
/// turned, mirrored and cropped as the file says.
///
/// Viewers show one picture of a file, yet all that stand for themselves are looked at, the one that is shown first.
/// Matrix and range are applied; colour profiles, wide gamuts and HDR transfer curves are not. EXIF orientation does not
/// count: the format has its own.
enum HEICDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let structure = unsafe HEIFStructure(bytes)
            guard !structure.hasSequence else {
                // libheif 1.15 sees only the pictures beside it; not seen is not clean.
                throw .corrupt("HEIC: image sequences cannot be checked")
            }
            guard !structure.isMalformed else { throw .corrupt("HEIC: boxes that do not fit into each other") }
            // libheif would follow a circle until its stack ends.
            guard !structure.isNestedDeeply else {
                throw .corrupt("HEIC: pictures that are made of each other")
            }
            do throws(DecodingError) {
                try unsafe decode(bytes, limits: limits, visitor: visitor)
            } catch .unsupported(let text) {
                // AV1 under HEIF's general brand: AVIF in all but name.
                try unsafe decodeAsAVIF(bytes, limits: limits, visitor: visitor, otherwise: text)
            }
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        let reader = try unsafe HEICReader(bytes, limits: limits)
        let pictures = try reader.pictures(limits: limits)
        let total = pictures.reduce(0) { $0 + ($1.isMultiplied ? 2 : 1) }
        var pixels = 0
        for picture in pictures {
            try limits.check(width: picture.width, height: picture.height, frames: 1)
            pixels += picture.width * picture.height
        }
        guard total <= limits.maximumFrames, pixels <= limits.maximumPixelsTotal else {
            throw .limitExceeded("\(pictures.count) pictures of \(pixels) pixels together")
        }
        var index = 0
        for picture in pictures {
            var decoded: HEICReader.Pixels?
            for isDivided in picture.isMultiplied ? [false, true] : [false] {
                let frame = FrameHeader(
                    width: picture.width, height: picture.height, hasAlpha: picture.hasAlpha, index: index,
                    framesTotal: total)
                index += 1
                guard visitor.beginFrame(frame) else { continue }
                let shown = if let decoded { decoded } else { try reader.decode(picture, limits: limits) }
                decoded = shown
                if isDivided && picture.hasAlpha {
                    for row in 0..<picture.height {
                        unsafe AlphaDivision.divide(shown.firstRow + row * shown.stride, count: picture.width)
                    }
                }
                guard unsafe visitor.show(frame, at: shown.firstRow, stride: shown.stride) else { return }
            }
        }
    }

    private static func decodeAsAVIF(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits, visitor: any FrameVisitor, otherwise text: String
    ) throws(DecodingError) {
        guard bytes.count > 12 else { throw .corrupt("HEIC: cut off") }
        var copy = unsafe [UInt8](bytes)
        copy.replaceSubrange(8..<12, with: "avif".utf8)
        do throws(DecodingError) {
            unsafe try AVIFDecoder.decode(copy.span.bytes, limits: limits, visitor: visitor)
        } catch .limitExceeded(let text) {
            throw .limitExceeded(text)
        } catch {
            throw .corrupt(text)
        }
    }
}
