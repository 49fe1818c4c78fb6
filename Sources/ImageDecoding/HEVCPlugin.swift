internal import CDE265
internal import CHEIF
internal import Glibc
internal import Synchronization

/// A decoder of HEVC for libheif, by libde265, in place of libheif's own one. That one starts a worker thread, which the
/// sandbox forbids, and shows pictures for which libde265 had to make up pixels.
enum HEVCPlugin {
    private static let isRegistered = Mutex(false)

    /// Registers the plugin for good, before the first picture is decoded. libheif looks for plugins of its own in files at
    /// this moment.
    static func register() throws(DecodingError) {
        let error: DecodingError? = isRegistered.withLock { isRegistered in
            guard !isRegistered else { return nil }
            guard unsafe heif_init(nil).code == heif_error_Ok else { return .unsupported("libheif does not start") }
            // Never freed, for libheif keeps the addresses.
            let plugins = UnsafeMutablePointer<heif_decoder_plugin>.allocate(capacity: 2)
            unsafe plugins.initialize(to: hevc)
            unsafe (plugins + 1).initialize(to: others)
            guard unsafe heif_register_decoder_plugin(plugins).code == heif_error_Ok,
                unsafe heif_register_decoder_plugin(plugins + 1).code == heif_error_Ok
            else { return .unsupported("libheif takes no decoder") }
            isRegistered = true
            return nil
        }
        if let error { throw error }
    }

    /// Pixels of the largest picture that a stream may announce; what the container announces is checked elsewhere.
    static var maximumPixels: Int {
        get { limit.withLock(\.self) }
        set { limit.withLock { $0 = newValue } }
    }
    private static let limit = Mutex(DecodeLimits().maximumPixelsPerFrame)

    private static var ok: heif_error {
        unsafe heif_error(code: heif_error_Ok, subcode: heif_suberror_Unspecified, message: text("ok"))
    }

    private static func failure(_ message: StaticString) -> heif_error {
        unsafe heif_error(
            code: heif_error_Decoder_plugin_error, subcode: heif_suberror_Unspecified, message: text(message))
    }

    private static func text(_ string: StaticString) -> UnsafePointer<CChar> {
        // A static string ends with a zero and never moves.
        unsafe UnsafeRawPointer(string.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static var hevc: heif_decoder_plugin {
        unsafe heif_decoder_plugin(
            plugin_api_version: 3, get_plugin_name: { unsafe HEVCPlugin.text("HEVC without threads") },
            init_plugin: nil,
            deinit_plugin: nil, does_support_format: { $0 == heif_compression_HEVC ? 1000 : 0 },
            new_decoder: { result in
                guard let context = unsafe de265_new_decoder() else {
                    return unsafe HEVCPlugin.failure("out of memory")
                }
                unsafe HEVCPlugin.limitPictures(of: context)
                unsafe result?.pointee = context
                return unsafe HEVCPlugin.ok
            }, free_decoder: { context in _ = unsafe de265_free_decoder(context) },
            push_data: { context, data, size in unsafe HEVCPlugin.push(context, data, size) },
            decode_image: { context, image in unsafe HEVCPlugin.decode(context, image) },
            set_strict_decoding: { _, _ in }, id_name: text("portcullis-hevc"))
    }

    /// Keeps every other coding from libheif's own decoders, which start threads of their own.
    private static var others: heif_decoder_plugin {
        unsafe heif_decoder_plugin(
            plugin_api_version: 3, get_plugin_name: { unsafe HEVCPlugin.text("nothing but HEVC") }, init_plugin: nil,
            deinit_plugin: nil, does_support_format: { $0 == heif_compression_HEVC ? 0 : 1000 },
            new_decoder: { _ in
                unsafe heif_error(
                    code: heif_error_Unsupported_feature, subcode: heif_suberror_Unsupported_codec,
                    message: HEVCPlugin.text("not HEVC"))
            }, free_decoder: { _ in }, push_data: { _, _, _ in unsafe HEVCPlugin.failure("not HEVC") },
            decode_image: { _, _ in unsafe HEVCPlugin.failure("not HEVC") }, set_strict_decoding: { _, _ in },
            id_name: text("portcullis-none"))
    }

    /// The stream has a size of its own: a small picture's stream may announce a huge one.
    private static func limitPictures(of context: UnsafeMutableRawPointer) {
        guard let standard = unsafe de265_get_default_image_allocation_functions()?.pointee else { return }
        var functions = standard
        unsafe functions.get_buffer = { context, specification, image, data in
            let (width, height) = unsafe (specification?.pointee.width ?? 0, specification?.pointee.height ?? 0)
            let (pixels, overflow) = Int(width).multipliedReportingOverflow(by: Int(height))
            guard !overflow, pixels <= HEVCPlugin.maximumPixels else { return 0 }
            return unsafe de265_get_default_image_allocation_functions().pointee.get_buffer(
                context, specification, image, data)
        }
        // Copied by the library.
        unsafe de265_set_image_allocation_functions(context, &functions, nil)
    }

    /// `data` are units of the stream, each with a length of 4 bytes before it.
    private static func push(
        _ context: UnsafeMutableRawPointer?, _ data: UnsafeRawPointer?, _ size: Int
    ) -> heif_error {
        let bytes = unsafe UnsafeRawBufferPointer(start: data, count: size)
        var offset = 0
        while offset < size {
            guard size - offset >= 4 else { return unsafe failure("a unit is cut off") }
            let length = unsafe Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian)
            offset += 4
            guard length <= size - offset, let unit = unsafe data, let count = CInt(exactly: length) else {
                return unsafe failure("a unit is cut off")
            }
            guard unsafe de265_push_NAL(context, unit + offset, count, 0, nil) == DE265_OK else {
                return unsafe failure("a unit is damaged")
            }
            offset += length
        }
        return unsafe ok
    }

    private static func decode(
        _ context: UnsafeMutableRawPointer?, _ result: UnsafeMutablePointer<OpaquePointer?>?
    ) -> heif_error {
        guard unsafe de265_flush_data(context) == DE265_OK else { return unsafe failure("the stream is damaged") }
        var picture: OpaquePointer?
        var more: CInt = 1
        while more != 0 {
            guard unsafe de265_decode(context, &more) == DE265_OK else {
                unsafe heif_image_release(picture)
                return unsafe failure("the stream is damaged")
            }
            guard let decoded = unsafe de265_get_next_picture(context) else { continue }
            // As libheif does, and so as viewers do: of several pictures the last one is shown.
            unsafe heif_image_release(picture)
            unsafe picture = copy(decoded)
            unsafe de265_release_next_picture(context)
            if unsafe picture == nil { return unsafe failure("out of memory") }
        }
        guard unsafe !hasMadeUpPixels(context), let picture = unsafe picture else {
            unsafe heif_image_release(picture)
            return unsafe failure("the stream is damaged")
        }
        unsafe result?.pointee = picture
        return unsafe ok
    }

    /// Whether something of the stream was missing or wrong, which the library only warns about.
    private static func hasMadeUpPixels(_ context: UnsafeMutableRawPointer?) -> Bool {
        while true {
            let warning = unsafe de265_get_warning(context)
            switch warning {
            case DE265_OK: return false
            case DE265_WARNING_NO_WPP_CANNOT_USE_MULTITHREADING, DE265_WARNING_SPS_MISSING_CANNOT_DECODE_SEI: continue
            default: return true
            }
        }
    }

    /// A picture of libheif with the planes of one of libde265; nil where memory is short.
    private static func copy(_ source: OpaquePointer) -> OpaquePointer? {
        let chroma = unsafe de265_get_chroma_format(source)
        let isGrey = chroma == de265_chroma_mono
        let channels = isGrey ? [heif_channel_Y] : [heif_channel_Y, heif_channel_Cb, heif_channel_Cr]
        var picture: OpaquePointer?
        // Both libraries number the chroma formats as the standard does.
        guard
            unsafe heif_image_create(
                de265_get_image_width(source, 0), de265_get_image_height(source, 0),
                isGrey ? heif_colorspace_monochrome : heif_colorspace_YCbCr, heif_chroma(rawValue: chroma.rawValue),
                &picture
            ).code == heif_error_Ok
        else { return nil }
        for (index, channel) in channels.enumerated() {
            guard unsafe copyPlane(CInt(index), of: source, to: channel, of: picture) else {
                unsafe heif_image_release(picture)
                return nil
            }
        }
        unsafe describeColours(of: source, to: picture)
        return unsafe picture
    }

    private static func copyPlane(
        _ index: CInt, of source: OpaquePointer, to channel: heif_channel, of picture: OpaquePointer?
    ) -> Bool {
        let width = unsafe de265_get_image_width(source, index)
        let height = unsafe de265_get_image_height(source, index)
        let bits = unsafe de265_get_bits_per_pixel(source, index)
        guard width > 0, height > 0,
            unsafe heif_image_add_plane(picture, channel, width, height, bits).code == heif_error_Ok
        else { return false }
        var (sourceStride, targetStride): (CInt, CInt) = (0, 0)
        let rowBytes = Int(width) * (bits > 8 ? 2 : 1)
        guard let from = unsafe de265_get_image_plane(source, index, &sourceStride),
            let to = unsafe heif_image_get_plane(picture, channel, &targetStride),
            sourceStride >= rowBytes, targetStride >= rowBytes
        else { return false }
        for row in 0..<Int(height) {
            // In bounds: both planes have `height` rows, each of which holds `rowBytes`.
            unsafe memcpy(to + row * Int(targetStride), from + row * Int(sourceStride), rowBytes)
        }
        return true
    }

    /// What the stream says about its colours. A description in the container counts more; libheif sees to that.
    private static func describeColours(of source: OpaquePointer, to picture: OpaquePointer?) {
        guard let profile = unsafe heif_nclx_color_profile_alloc() else { return }
        // Values of no known meaning leave the profile as it is.
        _ = unsafe heif_nclx_color_profile_set_color_primaries(
            profile, UInt16(truncatingIfNeeded: de265_get_image_colour_primaries(source)))
        _ = unsafe heif_nclx_color_profile_set_transfer_characteristics(
            profile, UInt16(truncatingIfNeeded: de265_get_image_transfer_characteristics(source)))
        _ = unsafe heif_nclx_color_profile_set_matrix_coefficients(
            profile, UInt16(truncatingIfNeeded: de265_get_image_matrix_coefficients(source)))
        unsafe profile.pointee.full_range_flag = UInt8(truncatingIfNeeded: de265_get_image_full_range_flag(source))
        _ = unsafe heif_image_set_nclx_color_profile(picture, profile)
        unsafe heif_nclx_color_profile_free(profile)
    }
}
