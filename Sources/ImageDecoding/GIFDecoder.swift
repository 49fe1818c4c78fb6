/// GIF, by giflib: still or animated, with every image composed onto the canvas as browsers do.
///
/// The file is read twice: first its headers, so that everything is checked before anything is decoded, then its data.
enum GIFDecoder {
    /// A way of placing the images.
    private struct Screen {
        var width: Int
        var height: Int
        /// What is taken off the first image's place.
        var left = 0
        var top = 0
    }

    private struct Survey {
        var screens: [Screen] = []
        var images = 0
        var changedPixels = 0
        /// The largest part that has to be restored after a frame, in pixels.
        var restoredPixels = 0
        var widest = 0
    }

    static func decode(_ file: RawSpan, limits: DecodeLimits, visitor: any FrameVisitor) throws(DecodingError) {
        // The closure's error type has to be spelt out for typed throws to pass through.
        try unsafe file.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(DecodingError) in
            let survey = try unsafe survey(bytes, limits: limits)
            for number in survey.screens.indices {
                guard try unsafe play(bytes, survey, screen: number, visitor: visitor) else { return }
            }
        }
    }

    /// Reads all headers, to the trailer: a file without it is truncated.
    private static func survey(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits
    ) throws(DecodingError) -> Survey {
        let reader = try unsafe GIFReader(bytes)
        var survey = Survey()
        while let image = try reader.nextImage() {
            let part = image.rectangle
            guard part.width > 0, part.height > 0 else { throw .corrupt("GIF: an image without pixels") }
            if survey.images == 0 {
                // The version's digits: GIF87a or GIF89a.
                let isOld = unsafe bytes[4] == UInt8(ascii: "7")
                survey.screens = screens(width: reader.screenWidth, height: reader.screenHeight, part, isOld: isOld)
            }
            survey.images += 1
            survey.changedPixels += part.width * part.height
            survey.widest = max(survey.widest, part.width)
            if image.disposal == .restore {
                survey.restoredPixels = max(survey.restoredPixels, part.width * part.height)
            }
            guard survey.images <= limits.maximumFrames else {
                throw .limitExceeded("more than \(limits.maximumFrames) frames")
            }
            try reader.skipData()
        }
        guard survey.images > 0 else { throw .corrupt("GIF: no image") }
        for screen in survey.screens {
            try limits.checkAnimation(
                width: screen.width, height: screen.height, frames: survey.images * survey.screens.count,
                changedPixels: survey.changedPixels * survey.screens.count)
            let canvas = AnimationCanvas.bytes(width: screen.width, height: screen.height)
            let backup = min(canvas, AnimationCanvas.bytes(width: survey.restoredPixels, height: 1))
            try limits.checkMemory(bytes: canvas + backup, for: "GIF")
        }
        return survey
    }

    /// Where the first image exceeds the logical screen, or in the old version, viewers do not agree: Chromium extends the
    /// screen to hold the image, Firefox and WebKit take the image for the screen. Either way of seeing it counts.
    private static func screens(width: Int, height: Int, _ first: CanvasRectangle, isOld: Bool) -> [Screen] {
        let extended = Screen(
            width: max(width, first.left + first.width), height: max(height, first.top + first.height))
        guard isOld || width < first.width || height < first.height,
            extended.width != first.width || extended.height != first.height
        else { return [extended] }
        return [
            extended, Screen(width: first.width, height: first.height, left: first.left, top: first.top),
        ]
    }

    /// Decodes and shows all images. Whether the visitor wants more.
    private static func play(
        _ bytes: UnsafeRawBufferPointer, _ survey: Survey, screen number: Int, visitor: any FrameVisitor
    ) throws(DecodingError) -> Bool {
        let screen = survey.screens[number]
        let reader = try unsafe GIFReader(bytes)
        var canvas = try AnimationCanvas(
            width: screen.width, height: screen.height, background: reader.background)
        let row = try PixelMemory(count: survey.widest)
        var index = 0
        while var image = try reader.nextImage() {
            if index == 0 {
                image.rectangle.left -= screen.left
                image.rectangle.top -= screen.top
            }
            // The survey read the same bytes by the same rules.
            precondition(index < survey.images && image.rectangle.width <= survey.widest)
            try canvas.beginFrame(image.rectangle, disposal: image.disposal)
            try draw(image, from: reader, by: row, on: canvas)
            let header = FrameHeader(
                width: screen.width, height: screen.height, hasAlpha: true, index: number * survey.images + index,
                framesTotal: survey.images * survey.screens.count)
            guard canvas.show(header, to: visitor) else { return false }
            index += 1
        }
        return true
    }

    private static func draw(
        _ image: GIFImage, from reader: borrowing GIFReader, by memory: borrowing PixelMemory,
        on canvas: borrowing AnimationCanvas
    ) throws(DecodingError) {
        let part = image.rectangle
        let row = unsafe memory.pointer(count: part.width)
        // First line and distance of the lines of each pass (GIF89a, appendix E).
        let passes = image.isInterlaced ? [(0, 8), (4, 8), (2, 4), (1, 2)] : [(0, 1)]
        for (first, distance) in passes {
            for line in stride(from: first, to: part.height, by: distance) {
                try unsafe reader.readRow(into: row, count: part.width)
                guard unsafe !exceedsPalette(row, image) else {
                    // Viewers differ in what they show for it.
                    throw .corrupt("GIF: a colour that the palette does not have")
                }
                unsafe canvas.drawRow(part.left, part.top + line, count: part.width) { target, count in
                    unsafe draw(row, count: count, image, on: target)
                }
            }
        }
    }

    private static func exceedsPalette(_ row: UnsafePointer<UInt8>, _ image: GIFImage) -> Bool {
        let colours = image.palette.count / 3
        guard colours < 256 else { return false }
        for position in 0..<image.rectangle.width {
            let index = unsafe Int(row[position])
            if index >= colours, index != image.transparentIndex { return true }
        }
        return false
    }

    private static func draw(
        _ row: UnsafePointer<UInt8>, count: Int, _ image: GIFImage, on target: UnsafeMutablePointer<UInt8>
    ) {
        // In bounds: `target` has `count` pixels of 4 bytes, `row` has as many indices, and those are in the palette,
        // which was checked, except for the transparent one.
        unsafe image.palette.withUnsafeBufferPointer { palette in
            guard let colours = palette.baseAddress else { return }
            for position in 0..<count {
                let index = unsafe Int(row[position])
                let pixel = unsafe target + position * 4
                if index == image.transparentIndex {
                    guard unsafe pixel[3] == 0, index * 3 + 3 <= palette.count else { continue }
                } else {
                    unsafe pixel[3] = 255
                }
                unsafe pixel.update(from: colours + index * 3, count: 3)
            }
        }
    }
}
