internal import CJPEG

/// What a JPEG says of itself before its first scan.
struct JPEGHeader {
    var width: Int
    var height: Int
    /// Bytes per pixel of a decoded row: 3 (RGB) or 4 (CMYK as it is stored).
    var channels: Int
    /// The ways in which viewers turn it.
    var orientations: [Orientation]
}

/// A libjpeg decoder of one picture. Never used twice: the library keeps state of a corrupt picture.
@safe struct JPEGReader: ~Copyable {
    private let decoder: OpaquePointer

    init() throws(DecodingError) {
        // Safe: the decoder is this value's alone, and destroyed once in deinit.
        guard let decoder = unsafe cjpeg_decoder_create() else { throw .limitExceeded("out of memory") }
        unsafe self.decoder = decoder
    }

    deinit {
        unsafe cjpeg_decoder_destroy(decoder)
    }

    /// The header of `data`, which must outlive the reader.
    func readHeader(_ data: UnsafeRawBufferPointer) throws(DecodingError) -> JPEGHeader {
        var header = cjpeg_header()
        let base = unsafe data.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try unsafe check(cjpeg_decoder_read_header(decoder, base, data.count, &header))
        return JPEGHeader(
            width: Int(header.width), height: Int(header.height), channels: Int(header.channels),
            orientations: orientations())
    }

    /// Viewers agree where the first APP1 segment holds EXIF data and no later one does. Otherwise some take the first EXIF
    /// data, some the first APP1 segment only: then each orientation that is there counts, and none at all as well.
    private func orientations() -> [Orientation] {
        // Of six bytes; the last is padding, which viewers do not look at.
        let signature = Array("Exif\0".utf8)
        var found: [Orientation] = []
        var isPlain = true
        var isFirst = true
        var segment = unsafe cjpeg_decoder_next_app1(decoder, nil)
        while unsafe segment.position != nil {
            defer {
                isFirst = false
                unsafe segment = cjpeg_decoder_next_app1(decoder, &segment)
            }
            // Copied, for the bytes belong to the decoder.
            let bytes = unsafe Array(UnsafeBufferPointer(start: segment.data, count: segment.size))
            guard bytes.starts(with: signature) else { continue }
            if !isFirst { isPlain = false }
            let orientation = EXIFReader.orientation(in: Array(bytes.dropFirst(6))) ?? .upright
            if !found.contains(orientation) { found.append(orientation) }
        }
        if (found.isEmpty || !isPlain) && !found.contains(.upright) { found.append(.upright) }
        return found
    }

    func start(limits: DecodeLimits, pixels: Int) throws(DecodingError) {
        let scans = UInt32(clamping: limits.maximumScans(forPixels: pixels))
        try unsafe check(cjpeg_decoder_start(decoder, scans, max(0, limits.maximumWorkingBytes)))
    }

    /// Decodes the next row; `row` has room for width × channels bytes.
    func readRow(into row: UnsafeMutablePointer<UInt8>) throws(DecodingError) {
        try unsafe check(cjpeg_decoder_read_row(decoder, row))
    }

    func finish() throws(DecodingError) {
        try unsafe check(cjpeg_decoder_finish(decoder))
    }

    /// The one place where the library's codes become our errors.
    private func check(_ status: cjpeg_status) throws(DecodingError) {
        guard status != CJPEG_OK else { return }
        // The text is the library's, about the file's structure, and valid while the decoder lives.
        let message = unsafe String(cString: cjpeg_decoder_message(decoder))
        switch status {
        case CJPEG_OUT_OF_MEMORY: throw .limitExceeded("decoding the JPEG needs too much memory")
        case CJPEG_TOO_MANY_SCANS: throw .limitExceeded("JPEG with \(message)")
        default: throw .corrupt("JPEG: \(message)")
        }
    }
}
