internal import CJPEG

/// What a JPEG says of itself before its first scan.
struct JPEGHeader {
    var width: Int
    var height: Int
    /// Bytes per pixel of a decoded row: 3 (RGB) or 4 (CMYK as it is stored).
    var channels: Int
    /// The body of its EXIF segment, empty where there is none.
    var exif: [UInt8]
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
        var header = unsafe cjpeg_header()
        let base = unsafe data.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try unsafe check(cjpeg_decoder_read_header(decoder, base, data.count, &header))
        // Copied, for the bytes belong to the decoder.
        let exif = unsafe Array(UnsafeBufferPointer(start: header.exif, count: header.exif_size))
        return unsafe JPEGHeader(
            width: Int(header.width), height: Int(header.height), channels: Int(header.channels), exif: exif)
    }

    func start(limits: DecodeLimits) throws(DecodingError) {
        let scans = UInt32(clamping: limits.maximumScans)
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
