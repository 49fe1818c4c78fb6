internal import CRSVG

/// Draws an SVG document, by librsvg and cairo.
@safe struct SVGRenderer: ~Copyable {
    private let handle: OpaquePointer
    /// The document's own size, in CSS pixels.
    private let ownWidth: Double
    private let ownHeight: Double
    /// Pixels of the drawing.
    let width: Int
    let height: Int

    /// The longer side of a drawing, whatever the document's own size: it has none that matters.
    static let side = 1024

    /// - Parameter document: a whole document. It has no address, so that nothing beside it can be meant.
    /// - Parameter side: pixels of the drawing's longer side.
    init(_ document: [UInt8], side: Int = SVGRenderer.side) throws(DecodingError) {
        var error: UnsafeMutablePointer<GError>?
        // Safe: the handle is this value's alone, and released once: here where the document has no size, else in deinit.
        let handle = unsafe document.withUnsafeBufferPointer { buffer in
            unsafe rsvg_handle_new_from_data(buffer.baseAddress, gsize(buffer.count), &error)
        }
        guard let handle = unsafe handle else { throw unsafe Self.failure(error) }
        unsafe rsvg_handle_set_dpi(handle, 96)
        guard let size = unsafe Self.size(of: handle) else {
            unsafe g_object_unref(UnsafeMutableRawPointer(handle))
            throw .corrupt("SVG: of no size")
        }
        unsafe self.handle = handle
        (ownWidth, ownHeight) = size
        let scale = Double(side) / max(ownWidth, ownHeight)
        width = max(1, Int((ownWidth * scale).rounded()))
        height = max(1, Int((ownHeight * scale).rounded()))
    }

    deinit {
        unsafe g_object_unref(UnsafeMutableRawPointer(handle))
    }

    /// The size that the document says in pixels; else that of its view; else that of a screen.
    private static func size(of handle: OpaquePointer) -> (Double, Double)? {
        var (width, height) = (0.0, 0.0)
        if unsafe rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height) == 0 {
            var hasView: gboolean = 0
            var view = RsvgRectangle()
            unsafe rsvg_handle_get_intrinsic_dimensions(handle, nil, nil, nil, nil, &hasView, &view)
            (width, height) = hasView != 0 ? (view.width, view.height) : (Double(side), Double(side))
        }
        let sensible = 1e-3...1e9
        return sensible.contains(width) && sensible.contains(height) ? (width, height) : nil
    }

    /// Draws into `pixels`, which has room for width × height × 4 bytes and holds zeros: RGB and alpha, not multiplied.
    func draw(into pixels: UnsafeMutablePointer<UInt8>) throws(DecodingError) {
        let stride = CInt(width * 4)
        let surface = unsafe cairo_image_surface_create_for_data(
            pixels, CAIRO_FORMAT_ARGB32, CInt(width), CInt(height), stride)
        defer { unsafe cairo_surface_destroy(surface) }
        let context = unsafe cairo_create(surface)
        defer { unsafe cairo_destroy(context) }
        unsafe cairo_scale(context, Double(width) / ownWidth, Double(height) / ownHeight)
        var viewport = RsvgRectangle(x: 0, y: 0, width: ownWidth, height: ownHeight)
        var error: UnsafeMutablePointer<GError>?
        guard unsafe rsvg_handle_render_document(handle, context, &viewport, &error) != 0 else {
            throw unsafe Self.failure(error)
        }
        guard unsafe cairo_status(context) == CAIRO_STATUS_SUCCESS else { throw .limitExceeded("SVG: out of memory") }
        unsafe cairo_surface_flush(surface)
        // Cairo's pixels are words of alpha, red, green and blue: on a little-endian machine, bytes the other way round.
        for offset in Swift.stride(from: 0, to: width * height * 4, by: 4) {
            unsafe (pixels[offset], pixels[offset + 2]) = unsafe (pixels[offset + 2], pixels[offset])
        }
        unsafe AlphaDivision.divide(pixels, count: width * height)
    }

    /// The one place where the library's errors become ours.
    private static func failure(_ error: UnsafeMutablePointer<GError>?) -> DecodingError {
        guard let error = unsafe error else { return .corrupt("SVG: damaged") }
        defer { unsafe g_error_free(error) }
        // The text is the library's, about the document's structure.
        let text = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? "damaged"
        return .corrupt("SVG: \(String(decoding: text.utf8.prefix(120), as: UTF8.self))")
    }
}
