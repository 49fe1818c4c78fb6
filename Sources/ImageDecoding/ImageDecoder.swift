package import Domain
internal import Glibc

/// Decodes a file's frames for a visitor.
package enum ImageDecoder {
    /// Makes the libraries read and register now what they otherwise would at their first picture: once the process is in
    /// its sandbox, they no longer can. To be called before `decode`.
    package static func prepare() throws(DecodingError) {
        sortOnce()
        try HEVCPlugin.register()
        try SVGDecoder.prepare()
    }

    /// The C library's qsort, which libtiff calls, asks the kernel for the machine's memory when it first sorts more than a
    /// kilobyte, and remembers it.
    private static func sortOnce() {
        var numbers = [UInt64](repeating: 0, count: 1024)
        // The array outlives the call, and the comparison reads nothing.
        unsafe numbers.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe qsort(base, bytes.count / 8, 8, { _, _ in 0 })
        }
    }

    /// Decodes `file`, whose content is of `type`, and shows its frames to `visitor` until that ends it.
    ///
    /// Throws where the file is not a whole picture or breaks `limits`; then the frame that was begun last is not to be
    /// relied on. Allocates, but opens no file and starts no thread.
    package static func decode(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        try decode(file, type: type, limits: limits, visitor: visitor, depth: 0)
    }

    /// - Parameter depth: in how many other pictures this one is embedded.
    static func decode(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, visitor: any FrameVisitor, depth: Int
    ) throws(DecodingError) {
        let limits = depth == 0 ? limits : limits.forEmbedded
        switch type {
        case .jpeg: try JPEGDecoder.decode(file, limits: limits, visitor: visitor)
        case .png: try PNGDecoder.decode(file, limits: limits, visitor: visitor)
        case .webp: try WebPDecoder.decode(file, limits: limits, visitor: visitor)
        case .bmp: try BitmapDecoder.decode(file, limits: limits, visitor: visitor)
        case .icon: try IconDecoder.decode(file, limits: limits, visitor: visitor)
        case .gif: try GIFDecoder.decode(file, limits: limits, visitor: visitor)
        case .avif: try AVIFDecoder.decode(file, limits: limits, visitor: visitor)
        case .tiff: try TIFFDecoder.decode(file, limits: limits, visitor: visitor)
        case .heic: try HEICDecoder.decode(file, limits: limits, visitor: visitor)
        case .svg: try SVGDecoder.decode(file, limits: limits, visitor: visitor, depth: depth)
        case .jpegXL: try JPEGXLDecoder.decode(file, limits: limits, visitor: visitor)
        default: throw .unsupported("\(type.rawValue) is not decoded by this build")
        }
    }
}
