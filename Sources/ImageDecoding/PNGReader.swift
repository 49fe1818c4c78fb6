internal import CPNG

/// A libpng decoder of one picture.
@safe struct PNGReader: ~Copyable {
    private let decoder: OpaquePointer

    init() throws(DecodingError) {
        // Safe: the decoder is this value's alone, and destroyed once in deinit.
        guard let decoder = unsafe cpng_decoder_create() else { throw .limitExceeded("out of memory") }
        unsafe self.decoder = decoder
    }

    deinit {
        unsafe cpng_decoder_destroy(decoder)
    }

    /// The header of `data`, which must outlive the reader.
    /// - Parameter ignoresGamma: whether another chunk says what the values mean.
    func readHeader(
        _ data: UnsafeRawBufferPointer, ignoresGamma: Bool = false
    ) throws(DecodingError) -> cpng_header {
        var header = cpng_header()
        let base = unsafe data.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try unsafe check(cpng_decoder_read_header(decoder, base, data.count, ignoresGamma ? 1 : 0, &header))
        return header
    }

    /// Decodes the next row; `row` has room for width × channels bytes.
    func readRow(into row: UnsafeMutablePointer<UInt8>) throws(DecodingError) {
        try unsafe check(cpng_decoder_read_row(decoder, row))
    }

    /// Decodes the whole picture; `pixels` has room for width × height × channels bytes.
    func readImage(into pixels: UnsafeMutablePointer<UInt8>) throws(DecodingError) {
        try unsafe check(cpng_decoder_read_image(decoder, pixels))
    }

    func finish() throws(DecodingError) {
        try unsafe check(cpng_decoder_finish(decoder))
    }

    /// The one place where the library's codes become our errors.
    private func check(_ status: cpng_status) throws(DecodingError) {
        guard status != CPNG_OK else { return }
        guard status != CPNG_OUT_OF_MEMORY else { throw .limitExceeded("decoding the PNG needs too much memory") }
        // The text is the library's, about the file's structure, and valid while the decoder lives.
        let message = unsafe String(cString: cpng_decoder_message(decoder))
        throw .corrupt("PNG: \(message)")
    }

    /// The checksum of a chunk whose type and data are `bytes`.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        // Safe: the library reads the buffer's bytes, and nothing else.
        unsafe cpng_checksum(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
}
