/// What a file is, by its first bytes.
package enum MediaType: String, CaseIterable, Sendable {
    case jpeg = "image/jpeg"
    case png = "image/png"
    case gif = "image/gif"
    case webp = "image/webp"
    case bmp = "image/bmp"
    case tiff = "image/tiff"
    case avif = "image/avif"
    case heic = "image/heic"
    case jpegXL = "image/jxl"
    case jpeg2000 = "image/jp2"
    case icon = "image/vnd.microsoft.icon"
    case photoshop = "image/vnd.adobe.photoshop"
    case svg = "image/svg+xml"
    /// Anything that is not an image.
    case other = "application/octet-stream"

    package var isImage: Bool { self != .other }

    /// The image types that this build decodes. The service and its workers are built together, so both read it here.
    package static let decodable: Set<MediaType> = [
        .jpeg, .png, .gif, .webp, .bmp, .icon, .tiff, .avif, .heic, .jpegXL, .svg,
    ]
}
