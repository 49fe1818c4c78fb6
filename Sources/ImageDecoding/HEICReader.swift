internal import CHEIF

/// The pictures of one HEIF file.
@safe final class HEICReader {
    private let context: OpaquePointer

    /// One of the pictures that stand for themselves: no thumbnail, no tile, no depth map.
    @safe final class Picture {
        fileprivate let handle: OpaquePointer
        /// Turned, mirrored and cropped as the file says.
        let width: Int
        let height: Int
        let hasAlpha: Bool
        /// Whether colours are stored multiplied with alpha.
        let isMultiplied: Bool
        fileprivate let bits: Int

        fileprivate init(owning handle: OpaquePointer) {
            // Safe: the handle is this object's alone, and released once in deinit.
            unsafe self.handle = handle
            unsafe width = Int(heif_image_handle_get_width(handle))
            unsafe height = Int(heif_image_handle_get_height(handle))
            unsafe hasAlpha = heif_image_handle_has_alpha_channel(handle) != 0
            unsafe isMultiplied = heif_image_handle_is_premultiplied_alpha(handle) != 0
            unsafe bits = Int(heif_image_handle_get_luma_bits_per_pixel(handle))
        }

        deinit {
            unsafe heif_image_handle_release(handle)
        }
    }

    /// A decoded picture: rows of RGB or of RGB and alpha.
    @safe final class Pixels {
        private let image: OpaquePointer
        let firstRow: UnsafeMutablePointer<UInt8>
        let stride: Int

        fileprivate init(owning image: OpaquePointer, width: Int, height: Int, channels: Int) throws(DecodingError) {
            var bytesPerRow: CInt = 0
            // Safe: the image is this object's alone, and released once: here where it is not as expected, else in deinit.
            let plane = unsafe heif_image_get_plane(image, heif_channel_interleaved, &bytesPerRow)
            guard let plane = unsafe plane, Int(bytesPerRow) >= width * channels,
                unsafe Int(heif_image_get_width(image, heif_channel_interleaved)) == width,
                unsafe Int(heif_image_get_height(image, heif_channel_interleaved)) == height
            else {
                unsafe heif_image_release(image)
                throw .corrupt("HEIC: a picture differs in size from what the file announces")
            }
            unsafe self.image = image
            unsafe firstRow = plane
            stride = Int(bytesPerRow)
        }

        deinit {
            unsafe heif_image_release(image)
        }
    }

    /// Reads the structure of `bytes`, which must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer, limits: DecodeLimits) throws(DecodingError) {
        try HEVCPlugin.register()
        HEVCPlugin.maximumPixels = limits.maximumPixelsPerFrame
        // Safe: the context is this object's alone, and freed once: here where the file cannot be read, else in deinit.
        guard let context = unsafe heif_context_alloc() else { throw .limitExceeded("out of memory") }
        unsafe heif_context_set_max_decoding_threads(context, 0)
        unsafe heif_context_set_maximum_image_size_limit(context, CInt(clamping: limits.maximumSide))
        do throws(DecodingError) {
            unsafe try Self.check(
                heif_context_read_from_memory_without_copy(context, bytes.baseAddress, bytes.count, nil))
        } catch {
            unsafe heif_context_free(context)
            throw error
        }
        unsafe self.context = context
    }

    deinit {
        unsafe heif_context_free(context)
    }

    /// All pictures, the one that viewers show first.
    func pictures(limits: DecodeLimits) throws(DecodingError) -> [Picture] {
        let count = unsafe Int(heif_context_get_number_of_top_level_images(context))
        guard count <= limits.maximumFrames else {
            throw .limitExceeded("\(count) pictures; at most \(limits.maximumFrames) can be checked")
        }
        var handle: OpaquePointer?
        unsafe try Self.check(heif_context_get_primary_image_handle(context, &handle))
        guard let primary = unsafe handle else { throw .corrupt("HEIC: no picture") }
        var pictures = unsafe [Picture(owning: primary)]
        var identifiers = [heif_item_id](repeating: 0, count: count)
        let found = unsafe identifiers.withUnsafeMutableBufferPointer { buffer in
            unsafe heif_context_get_list_of_top_level_image_IDs(context, buffer.baseAddress, CInt(buffer.count))
        }
        for identifier in identifiers.prefix(Int(found)) {
            var handle: OpaquePointer?
            unsafe try Self.check(heif_context_get_image_handle(context, identifier, &handle))
            guard let handle = unsafe handle else { continue }
            if unsafe heif_image_handle_is_primary_image(handle) != 0 {
                unsafe heif_image_handle_release(handle)
            } else {
                unsafe pictures.append(Picture(owning: handle))
            }
        }
        return pictures
    }

    func decode(_ picture: Picture, limits: DecodeLimits) throws(DecodingError) -> Pixels {
        let channels = picture.hasAlpha ? 4 : 3
        // The stream's own picture, libheif's copy of it, and the colours made of that.
        let sampleBytes = picture.bits > 8 ? 2 : 1
        let needed = picture.width * picture.height * (channels + 3 * sampleBytes)
        guard needed <= limits.maximumWorkingBytes else {
            throw .limitExceeded("decoding the HEIC needs \(needed) bytes")
        }
        guard let options = unsafe heif_decoding_options_alloc() else { throw .limitExceeded("out of memory") }
        defer { unsafe heif_decoding_options_free(options) }
        unsafe options.pointee.convert_hdr_to_8bit = 1
        unsafe options.pointee.strict_decoding = 1
        var image: OpaquePointer?
        unsafe try Self.check(
            heif_decode_image(
                picture.handle, &image, heif_colorspace_RGB,
                picture.hasAlpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options))
        guard let image = unsafe image else { throw .corrupt("HEIC: no picture") }
        return unsafe try Pixels(owning: image, width: picture.width, height: picture.height, channels: channels)
    }

    /// The one place where the library's codes become our errors.
    private static func check(_ error: heif_error) throws(DecodingError) {
        switch unsafe error.code {
        case heif_error_Ok: return
        case heif_error_Memory_allocation_error: throw .limitExceeded("decoding the HEIC needs too much memory")
        case heif_error_Unsupported_feature where unsafe error.subcode == heif_suberror_Unsupported_codec:
            throw .unsupported("a HEIF with another coding than HEVC is not decoded by this build")
        default:
            // The text is the library's, about the file's structure, and valid during the next call.
            let text = unsafe error.message.map { unsafe String(cString: $0) } ?? "damaged"
            throw .corrupt("HEIC: \(String(decoding: text.utf8.prefix(120), as: UTF8.self))")
        }
    }
}
