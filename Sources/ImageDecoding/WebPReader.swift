internal import CWebP

/// One frame of a WebP file, as its container describes it.
struct WebPFrame {
    var rectangle: CanvasRectangle
    /// Whether it is laid over what is there, or replaces it.
    var isBlended: Bool
    var disposal: AnimationCanvas.Disposal
    /// Where in the file its compressed data are.
    var data: Range<Int>
}

/// A WebP container (RFC 9649) and its compressed pictures, by libwebp.
@safe struct WebPReader: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private let demuxer: OpaquePointer

    /// Reads all chunks' headers; `bytes` must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) {
        // Safe: the demuxer is this value's alone, and deleted once in deinit. It keeps the address of the bytes.
        var data = unsafe WebPData(bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count)
        guard let demuxer = unsafe WebPDemux(&data) else {
            throw .corrupt("WebP: the container is damaged or truncated")
        }
        unsafe self.bytes = bytes
        unsafe self.demuxer = demuxer
    }

    deinit {
        unsafe WebPDemuxDelete(demuxer)
    }

    var width: Int { unsafe Int(WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH)) }
    var height: Int { unsafe Int(WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT)) }
    var frameCount: Int { unsafe Int(WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT)) }
    var isAnimated: Bool { unsafe WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG.rawValue != 0 }

    /// The EXIF data from their TIFF header on, empty where there are none.
    var exif: [UInt8] {
        var iterator = unsafe WebPChunkIterator()
        guard unsafe WebPDemuxGetChunk(demuxer, "EXIF", 1, &iterator) != 0 else { return [] }
        defer { unsafe WebPDemuxReleaseChunkIterator(&iterator) }
        guard let start = unsafe iterator.chunk.bytes, unsafe iterator.chunk.size <= 65_536 else { return [] }
        let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: iterator.chunk.size))
        // Some writers put JPEG's signature before them.
        let signature = Array("Exif\0\0".utf8)
        return bytes.starts(with: signature) ? Array(bytes.dropFirst(signature.count)) : bytes
    }

    /// Frame `index`, from 0; nil where it is missing.
    func frame(_ index: Int) -> WebPFrame? {
        var iterator = unsafe WebPIterator()
        guard let number = Int32(exactly: index + 1), unsafe WebPDemuxGetFrame(demuxer, number, &iterator) != 0 else {
            return nil
        }
        defer { unsafe WebPDemuxReleaseIterator(&iterator) }
        guard unsafe iterator.complete != 0, let start = unsafe iterator.fragment.bytes,
            let base = unsafe bytes.baseAddress
        else { return nil }
        let offset = unsafe UnsafeRawPointer(start) - base
        return unsafe WebPFrame(
            rectangle: CanvasRectangle(
                left: Int(iterator.x_offset), top: Int(iterator.y_offset), width: Int(iterator.width),
                height: Int(iterator.height)),
            isBlended: iterator.blend_method == WEBP_MUX_BLEND,
            disposal: iterator.dispose_method == WEBP_MUX_DISPOSE_BACKGROUND ? .clear : .keep,
            data: offset..<offset + iterator.fragment.size)
    }

    /// Bytes per pixel that `decode` gives for the frame: 3 (RGB), or 4 where it has alpha.
    func channels(of frame: WebPFrame) throws(DecodingError) -> Int {
        var features = WebPBitstreamFeatures()
        try unsafe check(WebPGetFeatures(start(of: frame), frame.data.count, &features))
        guard features.width == frame.rectangle.width, features.height == frame.rectangle.height else {
            throw .corrupt("WebP: contradictory headers")
        }
        return features.has_alpha != 0 ? 4 : 3
    }

    /// Decodes the frame into `pixels`, which has room for width × height × channels bytes.
    func decode(_ frame: WebPFrame, channels: Int, into pixels: borrowing PixelMemory) throws(DecodingError) {
        let size = frame.rectangle.width * frame.rectangle.height * channels
        var configuration = unsafe WebPDecoderConfig()
        guard unsafe WebPInitDecoderConfig(&configuration) != 0 else {
            throw .unsupported("this build's WebP library is of another version")
        }
        // No threads: that is the default. Safe: the library writes the `size` bytes that were asked for.
        unsafe configuration.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB
        unsafe configuration.output.is_external_memory = 1
        unsafe configuration.output.u.RGBA = WebPRGBABuffer(
            rgba: pixels.pointer(count: size), stride: Int32(frame.rectangle.width * channels), size: size)
        let status = unsafe WebPDecode(start(of: frame), frame.data.count, &configuration)
        unsafe WebPFreeDecBuffer(&configuration.output)
        try check(status)
    }

    private func start(of frame: WebPFrame) -> UnsafePointer<UInt8>? {
        precondition(unsafe frame.data.lowerBound >= 0 && frame.data.upperBound <= bytes.count)
        return unsafe bytes.baseAddress.map {
            unsafe ($0 + frame.data.lowerBound).assumingMemoryBound(to: UInt8.self)
        }
    }

    /// The one place where the library's codes become our errors.
    private func check(_ status: VP8StatusCode) throws(DecodingError) {
        switch status {
        case VP8_STATUS_OK: return
        case VP8_STATUS_OUT_OF_MEMORY: throw .limitExceeded("decoding the WebP needs too much memory")
        case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED: throw .corrupt("WebP: a picture is truncated")
        case VP8_STATUS_UNSUPPORTED_FEATURE: throw .corrupt("WebP: a picture of an unknown kind")
        default: throw .corrupt("WebP: damaged data (code \(status.rawValue))")
        }
    }
}
