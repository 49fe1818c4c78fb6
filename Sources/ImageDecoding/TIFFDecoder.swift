/// TIFF and BigTIFF, by libtiff: every page of the file, in strips or tiles, chunky or planar; grey, palette, RGB, YCbCr,
/// CMYK and Lab of up to 16 bits, in any of the library's compressions. Samples of 32 bits and more, and floating point,
/// are refused. Directories beside the chain of pages (a page's own thumbnails) are not looked at.
enum TIFFDecoder {
    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let reader = try unsafe TIFFReader(bytes, limits: limits)
            let pages = try reader.pages(limits: limits)
            // All headers are checked before the first page is decoded.
            var pixels = 0
            for page in pages {
                try limits.check(width: page.width, height: page.height)
                pixels += page.width * page.height
                guard pixels <= limits.maximumPixelsTotal else {
                    throw .limitExceeded(
                        "\(pages.count) pages; at most \(limits.maximumPixelsTotal) pixels can be checked")
                }
                let needed = page.width * page.height * 4
                guard page.blockBytes <= limits.maximumWorkingBytes - needed else {
                    throw .limitExceeded("decoding the TIFF needs \(needed) bytes, and \(page.blockBytes) for a strip")
                }
            }
            try show(pages, of: reader, limits: limits, visitor: visitor)
        }
    }

    private static func show(
        _ pages: [TIFFReader.Page], of reader: TIFFReader, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        let total = pages.reduce(0) { $0 + ($1.alpha == .associated ? 2 : 1) }
        try limits.check(width: 1, height: 1, frames: total)
        var index = 0
        for page in pages {
            var memory: DecodedPage?
            // Colours that are stored multiplied with alpha are seen twice: as they are stored, which is what viewers show
            // that ignore alpha, and divided by it.
            for isDivided in page.alpha == .associated ? [false, true] : [false] {
                let frame = FrameHeader(
                    width: page.width, height: page.height, hasAlpha: true, orientations: [page.orientation],
                    index: index, framesTotal: total)
                index += 1
                guard visitor.beginFrame(frame) else { continue }
                let decoded = if let memory { memory } else { try DecodedPage(page, of: reader) }
                memory = decoded
                if isDivided { decoded.divideByAlpha() }
                guard unsafe visitor.show(frame, at: decoded.pixels, stride: page.width * 4) else { return }
            }
        }
    }
}

/// A page's pixels, each 4 bytes of RGB and alpha (255 where the page has none).
@safe private final class DecodedPage {
    private let memory: PixelMemory
    var pixels: UnsafeMutablePointer<UInt8> { unsafe memory.pointer(count: memory.count) }

    init(_ page: TIFFReader.Page, of reader: TIFFReader) throws(DecodingError) {
        memory = try PixelMemory(count: page.width * page.height * 4)
        unsafe try reader.decode(page, into: memory.pointer(count: memory.count))
    }

    func divideByAlpha() {
        unsafe AlphaDivision.divide(pixels, count: memory.count / 4)
    }
}
