internal import CAVIF

/// The picture or the sequence of one AVIF file.
@safe final class AVIFReader {
    /// A part of the decoded picture, in stored pixels.
    struct View {
        var left: Int
        var top: Int
        var width: Int
        var height: Int
    }

    /// A decoded picture: rows of RGB or of RGB and alpha.
    final class Pixels {
        let memory: PixelMemory
        let stride: Int

        init(stride: Int, height: Int) throws(DecodingError) {
            memory = try PixelMemory(count: stride * height)
            self.stride = stride
        }
    }

    private let decoder: UnsafeMutablePointer<avifDecoder>
    let width: Int
    let height: Int
    let hasAlpha: Bool
    let imageCount: Int
    let orientation: Orientation
    /// What viewers may show: the whole picture, and its clean aperture where it has one, for not all of them crop.
    let views: [View]

    var framesTotal: Int { imageCount * views.count }

    /// Reads the structure of `bytes`, which must outlive the reader.
    init(
        _ bytes: UnsafeRawBufferPointer, source: avifDecoderSource, limits: DecodeLimits
    ) throws(DecodingError) {
        guard let decoder = unsafe avifDecoderCreate() else { throw .limitExceeded("out of memory") }
        // Safe: the decoder is this object's alone, and destroyed once: here where the file cannot be read, else in deinit.
        do throws(DecodingError) {
            unsafe decoder.pointee.codecChoice = AVIF_CODEC_CHOICE_DAV1D
            unsafe decoder.pointee.maxThreads = 1
            unsafe decoder.pointee.ignoreExif = 1
            unsafe decoder.pointee.ignoreXMP = 1
            let largest = UInt32(AVIF_DEFAULT_IMAGE_SIZE_LIMIT)
            unsafe decoder.pointee.imageSizeLimit = min(largest, UInt32(clamping: max(1, limits.maximumPixelsPerFrame)))
            unsafe decoder.pointee.imageDimensionLimit = UInt32(clamping: max(1, limits.maximumSide))
            unsafe decoder.pointee.imageCountLimit = UInt32(clamping: max(1, limits.maximumFrames))
            let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            try Self.check(unsafe avifDecoderSetSource(decoder, source))
            try Self.check(unsafe avifDecoderSetIOMemory(decoder, base, bytes.count))
            try Self.check(unsafe avifDecoderParse(decoder))
        } catch {
            unsafe avifDecoderDestroy(decoder)
            throw error
        }
        let image = unsafe decoder.pointee.image.pointee
        unsafe width = Int(image.width)
        unsafe height = Int(image.height)
        unsafe hasAlpha = decoder.pointee.alphaPresent != 0
        unsafe imageCount = Int(decoder.pointee.imageCount)
        orientation = unsafe Self.orientation(of: image)
        unsafe views = Self.views(of: image)
        unsafe self.decoder = decoder
    }

    deinit {
        unsafe avifDecoderDestroy(decoder)
    }

    func decode(image index: Int, limits: DecodeLimits) throws(DecodingError) -> Pixels {
        let channels = hasAlpha ? 4 : 3
        // The library ends the process where it gets no memory, so what it needs is counted before: planes of up to 2 bytes
        // a sample, at most one of each channel, and for a sequence some frames that others refer to.
        let image = unsafe decoder.pointee.image.pointee
        let sampleBytes = unsafe image.depth > 8 ? 2 * channels : channels
        let (needed, overflow) = (width * height).multipliedReportingOverflow(by: sampleBytes + channels)
        guard !overflow, needed <= limits.maximumWorkingBytes else {
            throw .limitExceeded("decoding the AVIF needs \(needed) bytes")
        }
        try Self.check(unsafe avifDecoderNthImage(decoder, UInt32(index)))
        guard let decoded = unsafe decoder.pointee.image, unsafe Int(decoded.pointee.width) == width,
            unsafe Int(decoded.pointee.height) == height
        else { throw .corrupt("AVIF: its pictures differ in size from what it announces") }
        let pixels = try Pixels(stride: width * channels, height: height)
        var target = unsafe avifRGBImage()
        unsafe avifRGBImageSetDefaults(&target, decoded)
        unsafe target.format = hasAlpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB
        unsafe target.depth = 8
        unsafe target.pixels = pixels.memory.pointer(count: pixels.memory.count)
        unsafe target.rowBytes = UInt32(pixels.stride)
        try Self.check(unsafe avifImageYUVToRGB(decoded, &target))
        return pixels
    }

    private static func views(of image: avifImage) -> [View] {
        let whole = unsafe View(left: 0, top: 0, width: Int(image.width), height: Int(image.height))
        guard unsafe image.transformFlags & UInt32(AVIF_TRANSFORM_CLAP.rawValue) != 0 else { return [whole] }
        var crop = avifCropRect()
        var aperture = unsafe image.clap
        var diagnostics = avifDiagnostics()
        let isValid = unsafe avifCropRectConvertCleanApertureBox(
            &crop, &aperture, image.width, image.height, image.yuvFormat, &diagnostics)
        guard isValid != 0, crop.width > 0, crop.height > 0 else { return [whole] }
        let cropped = View(left: Int(crop.x), top: Int(crop.y), width: Int(crop.width), height: Int(crop.height))
        return [cropped, whole]
    }

    /// The file's turn (by multiples of 90° counterclockwise), then its mirror.
    private static func orientation(of image: avifImage) -> Orientation {
        let flags = unsafe image.transformFlags
        let turns = unsafe flags & UInt32(AVIF_TRANSFORM_IROT.rawValue) != 0 ? Int(image.irot.angle & 3) : 0
        let upright: [Orientation] = [.upright, .turnedRight, .upsideDown, .turnedLeft]
        guard flags & UInt32(AVIF_TRANSFORM_IMIR.rawValue) != 0 else { return upright[turns] }
        // Mode 0 exchanges top and bottom, mode 1 left and right.
        let topToBottom: [Orientation] = [.mirroredUpsideDown, .transposed, .mirrored, .transversed]
        let leftToRight: [Orientation] = [.mirrored, .transversed, .mirroredUpsideDown, .transposed]
        return unsafe image.imir.mode == 0 ? topToBottom[turns] : leftToRight[turns]
    }

    /// The one place where the library's codes become our errors.
    private static func check(_ result: avifResult) throws(DecodingError) {
        switch result {
        case AVIF_RESULT_OK: return
        case AVIF_RESULT_OUT_OF_MEMORY: throw .limitExceeded("decoding the AVIF needs too much memory")
        default:
            // A static string of the library's.
            throw .corrupt("AVIF: \(unsafe String(cString: avifResultToString(result)))")
        }
    }
}
