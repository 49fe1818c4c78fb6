package import Domain

/// Decodes a file's frames for a visitor.
package enum ImageDecoder {
    /// Decodes `file`, whose content is of `type`, and shows its frames to `visitor` until that ends it.
    ///
    /// Throws where the file is not a whole picture or breaks `limits`; then the frame that was begun last is not to be
    /// relied on. Allocates, but opens no file and starts no thread.
    package static func decode(
        _ file: RawSpan, type: MediaType, limits: DecodeLimits, visitor: any FrameVisitor
    ) throws(DecodingError) {
        switch type {
        case .jpeg: try JPEGDecoder.decode(file, limits: limits, visitor: visitor)
        case .png: try PNGDecoder.decode(file, limits: limits, visitor: visitor)
        case .webp: try WebPDecoder.decode(file, limits: limits, visitor: visitor)
        case .bmp: try BitmapDecoder.decode(file, limits: limits, visitor: visitor)
        case .icon: try IconDecoder.decode(file, limits: limits, visitor: visitor)
        case .gif: try GIFDecoder.decode(file, limits: limits, visitor: visitor)
        default: throw .unsupported("\(type.rawValue) is not decoded by this build")
        }
    }
}
