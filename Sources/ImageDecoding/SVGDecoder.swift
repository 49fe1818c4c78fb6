internal import Domain

/// SVG, by librsvg: drawn once. Nothing outside the file is fetched. Letters are not drawn, and neither are blur, light and
/// noise (see `SVGDocument`). A document with HTML, scripts, animations, or style that only browsers heed is drawn without
/// them, and then refused: nobody has seen all of it.
///
/// Pictures that are embedded as data are decoded by this module, not by librsvg: each of them is looked at for itself,
/// wherever the document keeps it, and drawn where it belongs.
enum SVGDecoder {
    /// In how many SVGs an SVG may be embedded.
    private static let maximumDepth = 3
    private static let maximumEmbedded = 256

    static func decode(
        _ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor, depth: Int
    ) throws(DecodingError) {
        guard depth <= maximumDepth else { throw .limitExceeded("more than \(maximumDepth) SVGs in each other") }
        // Text that begins with a long comment is taken for an SVG by its first bytes alone.
        guard isSVG(file) else { throw .unsupported("a text that is no SVG") }
        // The closure's error type has to be spelt out for typed throws to pass through.
        let document = try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            try unsafe SVGDocument(bytes)
        }
        // What is passed over could not be told from what is drawn, and filters not from those that start threads.
        guard !document.hasEscapes else { throw .corrupt("SVG: escapes in style") }
        let embedded = try Embedded.all(in: document, limits: limits, depth: depth)
        let total = embedded.reduce(1) { $0 + $1.frames }
        try limits.check(width: SVGRenderer.side, height: SVGRenderer.side)
        guard total <= limits.maximumFrames else {
            throw .limitExceeded("\(total) embedded pictures; at most \(limits.maximumFrames) can be checked")
        }
        var replacements: [[UInt8]: SVGDocument.Replacement] = [:]
        var index = 0
        for picture in embedded {
            let inner = EmbeddedPicture(
                for: visitor, firstIndex: index, framesTotal: total, maximumSide: drawnSide(of: embedded.count))
            try unsafe ImageDecoder.decode(
                picture.data.span.bytes, type: picture.type, limits: limits, visitor: inner, depth: depth + 1)
            guard !inner.hasEnded else { return }
            index += picture.frames
            guard let first = inner.first else { continue }
            let size = first.originalSize
            replacements[picture.data] = SVGDocument.Replacement(
                link: Base64.dataURI(type: .png, try first.encode()), width: size.width, height: size.height)
        }
        let goesOn = try draw(document.text(replacing: replacements), index: index, total: total, visitor: visitor)
        if goesOn, let part = document.foreignPart { throw .corrupt("SVG: \(part) is drawn by browsers only") }
    }

    private static func isSVG(_ file: RawSpan) -> Bool {
        let text = unsafe file.withUnsafeBytes { bytes in unsafe [UInt8](bytes) }
        return MediaType(sniffing: text) == .svg && !text.allSatisfy { $0 <= 0x20 }
    }

    /// Passes through the libraries once, for they look up and open some things at their first picture.
    static func prepare() throws(DecodingError) {
        var pixel = EmbeddedPicture.Shrinking(FrameHeader(width: 1, height: 1, hasAlpha: false), maximumSide: 1)
        let grey: [UInt8] = [128, 128, 128]
        pixel.add(grey.span)
        let link = String(decoding: Base64.dataURI(type: .png, try pixel.encode()), as: UTF8.self)
        let document = """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="8" height="8">
            <style>rect { fill: url(#g); filter: url(#f) } :lang(en) { stroke: red }</style>
            <linearGradient id="g"><stop stop-color="red"/><stop offset="1"/></linearGradient>
            <filter id="f"><feColorMatrix/><feOffset dx="1"/></filter>
            <rect width="4" height="4"/><image width="4" height="4" xlink:href="\(link)"/></svg>
            """
        _ = try draw(Array(document.utf8), index: 0, total: 1, visitor: Passer(), side: 8)
    }

    /// Wants all rows, and does nothing with them.
    private final class Passer: FrameVisitor {
        func beginFrame(_ frame: FrameHeader) -> Bool { true }
        func visitRow(_ row: Span<UInt8>) {}
        func endFrame() -> Bool { true }
    }

    /// - Returns: whether the visitor wants more.
    private static func draw(
        _ text: [UInt8], index: Int, total: Int, visitor: any FrameVisitor, side: Int = SVGRenderer.side
    ) throws(DecodingError) -> Bool {
        let renderer = try SVGRenderer(text, side: side)
        let frame = FrameHeader(
            width: renderer.width, height: renderer.height, hasAlpha: true, index: index, framesTotal: total)
        guard visitor.beginFrame(frame) else { return true }
        let memory = try PixelMemory(count: renderer.width * renderer.height * 4)
        let pixels = unsafe memory.pointer(count: memory.count)
        unsafe try renderer.draw(into: pixels)
        return unsafe visitor.show(frame, at: pixels, stride: renderer.width * 4)
    }

    /// How large embedded pictures are drawn: the more there are, the smaller, so that all together stay small enough.
    private static func drawnSide(of count: Int) -> Int {
        switch count {
        case ...6: 1024
        case ...24: 512
        case ...96: 256
        default: 128
        }
    }

    private struct Embedded {
        var data: [UInt8]
        var type: MediaType
        var frames: Int

        static func all(
            in document: SVGDocument, limits: DecodeLimits, depth: Int
        ) throws(DecodingError) -> [Embedded] {
            var result: [Embedded] = []
            var pixels = 0
            for data in document.embedded {
                let type = MediaType(sniffing: Array(data.prefix(MediaType.sniffLength)))
                guard type.isImage else { continue }
                guard result.count < maximumEmbedded else {
                    throw .limitExceeded("more than \(maximumEmbedded) embedded pictures")
                }
                guard MediaType.decodable.contains(type) else {
                    throw .corrupt("SVG: an embedded \(type.rawValue) cannot be checked")
                }
                if type == .svg, unsafe !isSVG(data.span.bytes) { continue }
                let counter = FrameCounter()
                do throws(DecodingError) {
                    try unsafe ImageDecoder.decode(
                        data.span.bytes, type: type, limits: limits, visitor: counter, depth: depth + 1)
                } catch .unsupported(let text) {
                    // Not to be had by embedding something: such a file passes where an organization fails open.
                    throw .corrupt(text)
                }
                pixels += counter.pixels
                guard pixels <= limits.maximumPixelsTotal else {
                    throw .limitExceeded(
                        "embedded pictures; at most \(limits.maximumPixelsTotal) pixels can be checked")
                }
                result.append(Embedded(data: data, type: type, frames: counter.frames))
            }
            return result
        }
    }
}
