internal import CJPEGXL

/// A libjxl decoder of one file, on the calling thread alone.
@safe struct JPEGXLReader: ~Copyable {
    struct Header {
        var width: Int
        var height: Int
        var hasAlpha: Bool
        /// Samples of a pixel, which the library may hold as 4 bytes each: colours, alpha, and whatever else there is.
        var samples: Int
    }

    private let decoder: OpaquePointer

    init() throws(DecodingError) {
        // Safe: the decoder is this value's alone, and destroyed once in deinit.
        guard let decoder = unsafe JxlDecoderCreate(nil) else { throw .limitExceeded("out of memory") }
        unsafe self.decoder = decoder
    }

    deinit {
        unsafe JxlDecoderDestroy(decoder)
    }

    /// Reads headers only, to the file's end. `bytes` must outlive the reader.
    mutating func survey(
        _ bytes: UnsafeRawBufferPointer, limits: DecodeLimits
    ) throws(DecodingError) -> (header: Header, frames: Int) {
        unsafe try begin(bytes, events: JXL_DEC_BASIC_INFO.rawValue | JXL_DEC_FRAME.rawValue)
        var header: Header?
        var frames = 0
        while true {
            switch unsafe JxlDecoderProcessInput(decoder) {
            case JXL_DEC_BASIC_INFO:
                let found = try readHeader()
                try limits.check(width: found.width, height: found.height)
                header = found
            case JXL_DEC_FRAME:
                frames += 1
                if let header { try limits.check(width: header.width, height: header.height, frames: frames) }
            case JXL_DEC_SUCCESS:
                guard let header, frames > 0 else { throw .corrupt("JPEG XL: no picture") }
                return (header, frames)
            case JXL_DEC_NEED_MORE_INPUT: throw .corrupt("JPEG XL: cut off")
            default: throw .corrupt("JPEG XL: damaged")
            }
        }
    }

    private func readHeader() throws(DecodingError) -> Header {
        var info = JxlBasicInfo()
        try unsafe check(JxlDecoderGetBasicInfo(decoder, &info))
        for index in 0..<Int(info.num_extra_channels) {
            var channel = JxlExtraChannelInfo()
            try unsafe check(JxlDecoderGetExtraChannelInfo(decoder, index, &channel))
            guard channel.type != JXL_CHANNEL_BLACK else { throw .corrupt("JPEG XL: inks are not decoded") }
        }
        return Header(
            width: Int(info.xsize), height: Int(info.ysize), hasAlpha: info.alpha_bits > 0,
            samples: Int(info.num_color_channels) + Int(info.num_extra_channels))
    }

    /// Decodes frame after frame of `bytes`, which must outlive the reader. Each is composed with those before it, as
    /// viewers show it, and turned as the file says.
    /// - Parameter show: is given a frame's number, from 0, and its rows of RGB or of RGB and alpha, without gaps; false ends.
    mutating func decode(
        _ bytes: UnsafeRawBufferPointer, _ header: Header,
        _ show: (Int, UnsafePointer<UInt8>) throws(DecodingError) -> Bool
    ) throws(DecodingError) {
        let events = JXL_DEC_COLOR_ENCODING.rawValue | JXL_DEC_FULL_IMAGE.rawValue
        unsafe try begin(bytes, events: events)
        try unsafe check(JxlDecoderSetUnpremultiplyAlpha(decoder, JXL_TRUE))
        let channels = header.hasAlpha ? 4 : 3
        let count = header.width * header.height * channels
        var format = JxlPixelFormat(
            num_channels: UInt32(channels), data_type: JXL_TYPE_UINT8, endianness: JXL_NATIVE_ENDIAN, align: 0)
        let memory = try PixelMemory(count: count)
        let pixels = unsafe memory.pointer(count: count)
        var index = 0
        while true {
            switch unsafe JxlDecoderProcessInput(decoder) {
            case JXL_DEC_COLOR_ENCODING:
                // Only a wish: lossless pictures come in the colour space that they were made in.
                var encoding = JxlColorEncoding()
                unsafe JxlColorEncodingSetToSRGB(&encoding, header.samples < 3 ? JXL_TRUE : JXL_FALSE)
                _ = unsafe JxlDecoderSetPreferredColorProfile(decoder, &encoding)
            case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
                try unsafe check(JxlDecoderSetImageOutBuffer(decoder, &format, pixels, count))
            case JXL_DEC_FULL_IMAGE:
                guard unsafe try show(index, pixels) else { return }
                index += 1
            case JXL_DEC_SUCCESS: return
            case JXL_DEC_NEED_MORE_INPUT: throw .corrupt("JPEG XL: cut off")
            default: throw .corrupt("JPEG XL: damaged")
            }
        }
    }

    private func begin(_ bytes: UnsafeRawBufferPointer, events: JxlDecoderStatus.RawValue) throws(DecodingError) {
        unsafe JxlDecoderReset(decoder)
        try unsafe check(JxlDecoderSubscribeEvents(decoder, CInt(events)))
        let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try unsafe check(JxlDecoderSetInput(decoder, base, bytes.count))
        unsafe JxlDecoderCloseInput(decoder)
    }

    /// Of calls that fail only for a file that contradicts itself.
    private func check(_ status: JxlDecoderStatus) throws(DecodingError) {
        guard status == JXL_DEC_SUCCESS else { throw .corrupt("JPEG XL: damaged") }
    }
}
