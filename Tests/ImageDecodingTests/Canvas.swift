import Domain
import ImageDecoding

/// Keeps what a decoder shows.
final class Canvas: FrameVisitor {
    private(set) var frames: [FrameHeader] = []
    /// Of the last frame, row by row.
    private(set) var pixels: [UInt8] = []
    private(set) var finished = 0
    var wantsRows = true

    func beginFrame(_ frame: FrameHeader) -> Bool {
        frames.append(frame)
        pixels = []
        return wantsRows
    }

    func visitRow(_ row: Span<UInt8>) {
        unsafe row.withUnsafeBufferPointer { row in unsafe pixels.append(contentsOf: row) }
    }

    func endFrame() -> Bool {
        finished += 1
        return true
    }
}

extension ImageDecoder {
    static func decode(
        _ bytes: [UInt8], type: MediaType? = nil, limits: DecodeLimits = DecodeLimits(), on canvas: Canvas
    ) throws(DecodingError) {
        let type = type ?? MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        unsafe try decode(bytes.span.bytes, type: type, limits: limits, visitor: canvas)
    }
}
