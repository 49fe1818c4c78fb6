internal import CJPEG

/// Compresses a picture as JPEG and decodes it again, in place: a step of some models' preprocessing.
package enum JPEGRecompressor {
    /// `pixels` are `width` × `height` × RGB. Chroma is subsampled 4:2:0, as is libjpeg's default. Throws only where
    /// memory is short.
    package static func recompress(
        _ pixels: inout [UInt8], width: Int, height: Int, quality: Int
    ) throws(DecodingError) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3)
        // Safe: the library reads and writes the width × height × 3 bytes that were just checked.
        let status = unsafe pixels.withUnsafeMutableBufferPointer { buffer in
            unsafe cjpeg_recompress(buffer.baseAddress, UInt32(width), UInt32(height), Int32(quality))
        }
        guard status == CJPEG_OK else { throw .limitExceeded("out of memory") }
    }
}
